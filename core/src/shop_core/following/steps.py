"""From a record and its fate to the steps of its way. Pure; no value, key or user is in what it makes."""

from __future__ import annotations

from collections.abc import Iterator

from shop_core.errors import InvalidInput
from shop_core.events import TOPICS
from shop_core.events.envelope import OUR_SOURCE, REDRIVEN, Message, identity, moment_of
from shop_core.events.instants import format_instant, read_instant
from shop_core.events.receipts import Receipt
from shop_core.events.trace_context import request_of, trace_of
from shop_core.following.fates import Fate, Refused
from shop_core.mongo.letter_notes import Note
from shop_core.responses.traces import EventState, Step, TracedEvent

LONGEST = 200  # of what strangers wrote


def traced(receipt: str, message: Message | None, fate: Fate) -> TracedEvent:
    """All that is told of one receipt; `message` is None where its record can't be had any more."""
    headers = {} if message is None else {name: text(value) for name, value in message.headers if value is not None}
    source, id = headers.get("ce_source", ""), headers.get("ce_id", "")
    refused, state = fate.refused, state_of(receipt, fate)
    return TracedEvent(
        receipt=receipt,
        domain=TOPICS[Receipt.of(receipt).topic].name,
        state=state,
        type=headers.get("ce_type"),
        id=known_as(source, id),
        request_id=None if message is None else request_of(message.headers),
        trace_id=None if message is None else trace_of(message.headers),
        reason=refused.reason if refused else _skip_reason(receipt, fate),
        redriven_of=None if message is None else sent_for(message),
        successor=fate.successor,
        steps=[*_way_in(receipt, message, headers), *_outcome(receipt, state, fate)],
    )


def state_of(receipt: str, fate: Fate) -> EventState:
    """As a receipt's state is told to its caller, and whose fault a refusal is."""
    offset = Receipt.of(receipt).offset
    if fate.stands is None or fate.stands.offset <= offset:
        return "waiting"
    if fate.refused is not None:
        return "rejected" if fate.refused.kind == "rejected" else "set aside"
    return "skipped" if any(skip.holds(offset) for skip in fate.stands.skipped) else "stored"


def known_as(source: str, id: str) -> str | None:
    """The identity of an event, by which its consumer knows it; None where it has none."""
    try:
        return identity(source, id) if id and len(id) <= LONGEST else None
    except InvalidInput:
        return None


def sent_for(message: Message) -> str | None:
    """The receipt in the same topic for which a record was sent again."""
    told = dict(message.headers).get(REDRIVEN)
    try:
        Receipt.parse(text(told or b""), [message.topic])
    except InvalidInput:
        return None
    return text(told or b"")


def text(raw: bytes) -> str:
    return raw[: LONGEST * 4].decode(errors="backslashreplace")[:LONGEST]


def instant(timestamp: int) -> str | None:
    """A record's own time (milliseconds since 1970)."""
    moment = moment_of(timestamp)
    return None if moment is None else format_instant(moment)


def _way_in(receipt: str, message: Message | None, headers: dict[str, str]) -> Iterator[Step]:
    topic, partition, offset = Receipt.of(receipt)
    place = f"partition {partition}, offset {offset} of {topic}"
    if message is None:
        yield Step("left the log", None, f"its record is not in the log any more, or can't be read: {place}")
        return
    at = _said(headers.get("ce_time", ""))
    door = headers.get("ce_source") == OUR_SOURCE
    yield Step("accepted", at, "at the door, by cm-server" if door else "by who sent it to the topic, past cm-server")
    if (before := sent_for(message)) is not None:
        yield Step("sent again", instant(message.timestamp), f"out of the dead letters, where it was {before}")
    yield Step("logged", instant(message.timestamp), place)


def _outcome(receipt: str, state: EventState, fate: Fate) -> Iterator[Step]:
    group = TOPICS[Receipt.of(receipt).topic].group
    if state == "waiting":
        yield Step("waiting", None, _waits(group, Receipt.of(receipt).offset, fate))
    elif state == "stored":
        yield Step("stored", None, f"by {group}, {_by(fate)}")
    elif state == "skipped":
        yield Step("skipped", None, f"an operator let {group} go past it")
    elif fate.refused is not None:
        yield Step(state, format_instant(fate.refused.at), fate.refused.reason)
        yield Step("dead letter", None, _letter(receipt, fate.refused))
        if fate.note is not None:
            yield from _dealt_with(fate.note, fate.successor)


def _waits(group: str, offset: int, fate: Fate) -> str:
    if fate.stands is None:
        return f"{group} has not read its partition yet"
    stopped = f"; the partition stands still: {fate.stands.unreadable}" if fate.stands.unreadable else ""
    return f"{group} stands at offset {fate.stands.offset}, {offset - fate.stands.offset} before it{stopped}"


def _by(fate: Fate) -> str:
    """No event notes when it was stored: the position's last move is the latest that it can have been."""
    at = fate.stands.at if fate.stands else None
    return f"not after {format_instant(at)}" if at else "at a moment that nobody noted"


def _letter(receipt: str, refused: Refused) -> str:
    dlq = TOPICS[Receipt.of(receipt).topic].dlq
    if refused.letter == "erased":
        return f"not sent to {dlq}: its user was erased before"
    return f"{receipt} in {dlq}" if refused.letter == "sent" else f"waits for its way to {dlq}"


def _dealt_with(note: Note, successor: str | None) -> Iterator[Step]:
    at = format_instant(note.at) if note.at else None
    if note.resolution is not None and successor is None:
        yield Step("discarded", at, "an operator put it aside for good")
    elif successor is not None:
        told = "stored" if note.resolution is not None else "not seen stored yet"
        yield Step("redriven", at, f"as {successor}, {told}")


def _skip_reason(receipt: str, fate: Fate) -> str | None:
    offset, stands = Receipt.of(receipt).offset, fate.stands
    return next((skip.reason for skip in stands.skipped if skip.holds(offset)), None) if stands else None


def _said(moment: str) -> str | None:
    """The time that an event has for itself."""
    try:
        return format_instant(read_instant(moment).plain())
    except ValueError:
        return None
