"""Letters on their way back: taken, published in order, then watched until each is stored or refused once more.

A letter counts as dealt with only when its successor is stored. Nothing is sent for one that somebody else has in
hand, nor while an earlier successor may still be stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from shop_core.dead_letters.letters import Letter
from shop_core.errors import ShopError
from shop_core.events.envelope import Record
from shop_core.events.receipts import Receipt
from shop_core.kafka.publisher import Publisher
from shop_core.mongo.client import Database, Document
from shop_core.mongo.letter_notes import Hold, LetterNotes, NotFree
from shop_core.mongo.positions import Positions
from shop_core.mongo.rejections import Rejections

SETTLED_WITHIN = 5.0
LOOK_EVERY = 0.1
BATCH = 500
Connect = Callable[[], AbstractContextManager[Publisher]]
State = Literal["stored", "rejected", "accepted", "not sent"]


@dataclass(frozen=True)
class Outcome:
    """What became of one letter: `successor` is the receipt of what was sent, `why` says why it isn't stored."""

    letter: Letter
    state: State
    successor: str | None = None
    why: str = ""


@dataclass
class _Sent:
    """One letter that is on its way."""

    letter: Letter
    hold: Hold
    successor: str
    state: State = "accepted"
    why: str = field(default=f"not stored within {SETTLED_WITHIN:g} s, so the letter stays")

    def outcome(self) -> Outcome:
        return Outcome(self.letter, self.state, self.successor, "" if self.state == "stored" else self.why)


class Redrive:
    """Sends letters again in the name of `by`. `connect` makes the publisher when something is to be sent."""

    def __init__(self, db: Database[Document], by: str, connect: Connect) -> None:
        self._db, self._by, self._connect = db, by, connect
        self._notes, self._refusals = LetterNotes(db), Rejections(db)

    def send(self, wanted: Iterable[tuple[Letter, Record]], *, even_discarded: bool = False) -> list[Outcome]:
        """What became of each, in the order of `wanted`."""
        free: list[tuple[Letter, Record, Hold]] = []
        done: dict[str, Outcome] = {}
        order = []
        for letter, record in wanted:
            order.append(letter.source)
            try:
                hold = self._taken(letter, even_discarded)
            except NotFree as error:
                done[letter.source] = Outcome(letter, "not sent", None, str(error))
            else:
                free.append((letter, record, hold))
        sent = self._publish(free, done) if free else []
        self._watch(sent)
        for each in sent:
            self._settle(each)
            done[each.letter.source] = each.outcome()
        return [done[source] for source in order]

    def _taken(self, letter: Letter, even_discarded: bool) -> Hold:
        """The letter in hand; what an earlier desk sent for it is seen to first."""
        hold = self._notes.take(letter.source, letter.domain.topic, self._by, even_discarded=even_discarded)
        if hold.successor is None:
            return hold
        earlier = _Sent(letter, hold, hold.successor)
        self._look([earlier])
        self._settle(earlier)
        if earlier.state == "rejected":
            return self._notes.take(letter.source, letter.domain.topic, self._by)
        raise NotFree(f"{letter.source} was redriven as {hold.successor}, which is {earlier.state}")

    def _publish(self, free: Sequence[tuple[Letter, Record, Hold]], done: dict[str, Outcome]) -> list[_Sent]:
        sent: list[_Sent] = []
        with self._connect() as publisher:
            for start in range(0, len(free), BATCH):
                some = free[start : start + BATCH]
                outcomes = _published(publisher, [record for _, record, _ in some])
                for (letter, _, hold), outcome in zip(some, outcomes, strict=True):
                    if isinstance(outcome, str):
                        sent.append(_Sent(letter, self._notes.sent(hold, outcome), outcome))
                    else:
                        self._notes.put_down(hold)
                        done[letter.source] = Outcome(letter, "not sent", None, str(outcome))
        return sent

    def _watch(self, sent: Sequence[_Sent]) -> None:
        """Until each is settled, or for so long that its consumer must be away."""
        deadline = time.monotonic() + SETTLED_WITHIN
        while open_ := [each for each in sent if each.state == "accepted"]:
            self._look(open_)
            if time.monotonic() > deadline or all(each.state != "accepted" for each in open_):
                return
            time.sleep(LOOK_EVERY)  # the database tells nothing by itself

    def _look(self, open_: Sequence[_Sent]) -> None:
        """As cm-api tells a receipt's state: the position has passed it, and it was refused or not."""
        domains = {each.letter.domain.name: each.letter.domain for each in open_}.values()
        positions = {domain.topic: Positions(self._db, domain.group).topic(domain.topic) for domain in domains}
        for each in open_:
            topic, partition, offset = Receipt.parse(each.successor, list(positions))
            if positions[topic].get(partition, 0) > offset:
                refused = self._refusals.find(each.successor)
                each.state = "stored" if refused is None else "rejected"
                each.why = str(refused["reason"]) if refused else ""

    def _settle(self, each: _Sent) -> None:
        if each.state == "stored":
            self._notes.resolve(each.hold, f"redriven {each.successor}")
        else:
            self._notes.put_down(each.hold if each.state == "accepted" else _forgetting(each.hold))


def _published(publisher: Publisher, records: Sequence[Record]) -> Sequence[str | ShopError]:
    try:
        return publisher.publish_each(records)
    except ShopError as error:
        return [error] * len(records)


def _forgetting(hold: Hold) -> Hold:
    """What was sent is refused, so that nobody has to wait for it."""
    return Hold(hold.receipt, hold.by, hold.token)
