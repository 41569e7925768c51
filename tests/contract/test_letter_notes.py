"""Two desks at one letter, in a real database: one of them has it, and what the other one sent is not sent again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from shop_core.dead_letters import redriving
from shop_core.dead_letters.letters import Letter, letter_of
from shop_core.dead_letters.redriving import Outcome, Redrive
from shop_core.events.envelope import Message, Record
from shop_core.events.purchases import DOMAIN
from shop_core.kafka.publisher import Publisher
from shop_core.mongo import client
from shop_core.mongo.client import Database, Document
from shop_core.mongo.letter_notes import HELD_FOR, LetterNotes, NotFree
from shop_core.mongo.positions import Position, Positions
from shop_core.testing import MemoryPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

TOPIC, RECEIPT = DOMAIN.topic, f"{DOMAIN.topic}-3-7"
DESKS = 8


@pytest.fixture
def db(platform: Platform) -> Iterator[Database[Document]]:
    """A database with one refusal in it."""
    found = platform.db.client.get_database(f"notes-{uuid.uuid4().hex[:8]}", codec_options=platform.db.codec_options)
    client.ensure_collections(found, ("rejections", "strange_letters", "positions"))
    found["rejections"].insert_one({"_id": RECEIPT, "topic": TOPIC, "reason": "price: must be above 0"})
    yield found
    found.client.drop_database(found.name)


@pytest.fixture
def notes(db: Database[Document]) -> LetterNotes:
    return LetterNotes(db)


def letter(receipt: str = RECEIPT) -> Letter:
    topic, partition, offset = receipt.rsplit("-", 2)
    noted = {"dlq_reason": "x", "dlq_topic": topic, "dlq_partition": partition, "dlq_offset": offset}
    headers = (("ce_id", b"a"), *((name, text.encode()) for name, text in noted.items()))
    return letter_of(DOMAIN, Message(f"{TOPIC}.dlq", 0, 0, b"k", b"{}", headers))


class Desk:
    """One of several, each of which has a connection of its own, to one log."""

    def __init__(self, db: Database[Document], log: MemoryPublisher, by: str = "ada") -> None:
        self._log = log
        self._redrive = Redrive(db, by, self._publisher)

    @contextmanager
    def _publisher(self) -> Iterator[Publisher]:
        yield self._log

    def send(self, receipt: str = RECEIPT) -> Outcome:
        found = letter(receipt)
        (outcome,) = self._redrive.send([(found, Record(TOPIC, b"k", b"{}", found.message.headers))])
        return outcome


def consumed(db: Database[Document], log: MemoryPublisher) -> None:
    """The consumer has passed all that is in the log."""
    for message in log.log:
        Positions(db, DOMAIN.group).put((TOPIC, message.partition), Position(message.offset + 1, "id"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redriving, "SETTLED_WITHIN", 0.0)


@pytest.mark.parametrize("receipt", [RECEIPT, f"{TOPIC}-3-8"], ids=["a consumer's", "a stranger's"])
def test_of_many_desks_at_once_one_sends(db: Database[Document], receipt: str) -> None:
    log, together = MemoryPublisher(), Barrier(DESKS)

    def work(number: int) -> Outcome:
        together.wait()
        return Desk(db, log, f"desk {number}").send(receipt)

    with ThreadPoolExecutor(DESKS) as pool:
        outcomes = list(pool.map(work, range(DESKS)))
    assert len(log.log) == 1
    assert sorted(each.state for each in outcomes) == ["accepted", *["not sent"] * (DESKS - 1)]


def test_what_was_sent_is_not_sent_again_until_it_is_known_to_be_refused(db: Database[Document]) -> None:
    log = MemoryPublisher()
    first = Desk(db, log).send()
    assert first.state == "accepted" and "not stored" in first.why
    late = Desk(db, log, "bob").send()
    assert late.state == "not sent" and f"redriven as {first.successor}, which is accepted" in late.why
    db["rejections"].insert_one({"_id": first.successor, "topic": TOPIC, "reason": "again"})
    consumed(db, log)
    second = Desk(db, log, "bob").send()
    assert (second.state, len(log.log)) == ("accepted", 2)
    consumed(db, log)
    known = Desk(db, log).send()
    assert known.state == "not sent" and f"redriven as {second.successor}, which is stored" in known.why
    note = LetterNotes(db).of(TOPIC)[RECEIPT]
    assert note.resolution == f"redriven {second.successor}" and len(log.log) == 2


def test_a_desk_that_died_holds_a_letter_for_a_while_only(db: Database[Document], notes: LetterNotes) -> None:
    notes.take(RECEIPT, TOPIC, "ada")
    with pytest.raises(NotFree, match="in the hands of ada"):
        notes.take(RECEIPT, TOPIC, "bob")
    db["rejections"].update_one({"_id": RECEIPT}, {"$set": {"desk.until": datetime.now(UTC) - timedelta(seconds=1)}})
    hold = notes.take(RECEIPT, TOPIC, "bob")
    assert db["rejections"].find_one({"_id": RECEIPT})["desk"]["until"] - datetime.now(UTC) <= HELD_FOR  # type: ignore[index]
    notes.resolve(hold, "discarded", "nothing to save")
    note = notes.of(TOPIC)[RECEIPT]
    assert (note.resolution, note.by, note.said) == ("discarded", "bob", "nothing to save")


def test_what_one_no_longer_has_in_hand_is_another_ones_to_write(notes: LetterNotes, db: Database[Document]) -> None:
    old = notes.take(RECEIPT, TOPIC, "ada")
    db["rejections"].update_one({"_id": RECEIPT}, {"$set": {"desk.until": datetime.now(UTC) - timedelta(seconds=1)}})
    notes.take(RECEIPT, TOPIC, "bob")
    notes.resolve(old, "discarded")
    note = notes.of(TOPIC)[RECEIPT]
    assert (note.resolution, note.by) == (None, "bob")


def test_who_names_a_discarded_letter_may_still_send_it(notes: LetterNotes) -> None:
    notes.resolve(notes.take(RECEIPT, TOPIC, "ada"), "discarded")
    with pytest.raises(NotFree, match="dealt with already: discarded"):
        notes.take(RECEIPT, TOPIC, "bob")
    notes.put_down(notes.take(RECEIPT, TOPIC, "bob", even_discarded=True))
    notes.resolve(notes.take(RECEIPT, TOPIC, "bob", even_discarded=True), "redriven x")
    with pytest.raises(NotFree, match="dealt with already: redriven x"):
        notes.take(RECEIPT, TOPIC, "bob", even_discarded=True)
