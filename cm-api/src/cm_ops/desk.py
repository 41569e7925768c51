"""The dead-letter desk: what callers see of letters, and what they do with them. Every write is a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec

from cm_ops import letters
from cm_ops.letter_book import LetterBook, Line
from cm_ops.letter_content import content
from cm_ops.looking import away
from shop_core.dead_letters.letters import Letter
from shop_core.dead_letters.mending import successor
from shop_core.dead_letters.redriving import Outcome, Redrive
from shop_core.errors import FieldFault, InvalidInput, NotFound
from shop_core.events import DOMAINS
from shop_core.events.envelope import Record
from shop_core.kafka.publisher import Publisher
from shop_core.mongo.client import Database, Document
from shop_core.mongo.letter_notes import LetterNotes, NotFree
from shop_core.responses.dead_letters import (
    DeadLetter,
    LetterFault,
    LetterHeader,
    LetterOutcome,
    LetterRedrive,
    WholeLetter,
)
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
# That one request sends or discards: it is answered while its caller waits.
MOST_AT_ONCE = 100


class NoSuchLetter(NotFound):
    """No letter has this receipt."""

    def __init__(self, receipt: str) -> None:
        super().__init__(FieldFault("receipt", f"is of no dead letter ({receipt[:100]})"))


class Desk:
    """Of one process."""

    def __init__(self, db: Database[Document], book: LetterBook, publisher: Publisher) -> None:
        self._db, self._book, self._publisher = db, book, publisher
        self._notes = LetterNotes(db)

    def every(self) -> dict[str, DeadLetter]:
        """Each letter by its receipt, newest first."""
        return letters.told(*self._looked())

    def _looked(self) -> tuple[Mapping[str, Line], dict[str, Any]]:
        lines = self._book.lines()
        with away("MongoDB"):
            notes = [self._notes.of(domain.topic) for domain in DOMAINS.values()]
        return lines, {receipt: note for each in notes for receipt, note in each.items()}

    def whole(self, receipt: str) -> WholeLetter:
        lines, notes = self._looked()
        letter, every = self._opened(lines, receipt), letters.told(lines, notes)
        headers = [LetterHeader(name, content(value)) for name, value in letter.message.headers]
        return WholeLetter(
            every[receipt],
            headers,
            content(letter.message.key),
            content(letter.message.value),
            [LetterFault(fault.field, fault.detail) for fault in _faults(letter)],
            list(letters.chain(every, every[receipt])),
            list(letters.later(every, every[receipt])),
        )

    def _opened(self, lines: Mapping[str, Line], receipt: str) -> Letter:
        found = self._book.whole([_of(lines, receipt)])
        if receipt not in found:
            raise NoSuchLetter(receipt)
        return found[receipt]

    def redrive(self, receipt: str, asked: LetterRedrive, by: str) -> LetterOutcome:
        """Send one letter again; `InvalidInput` where its consumer would refuse it, and `NotFree`."""
        letter = self._opened(self._book.lines(), receipt)
        record = successor(letter, asked.set, _given(asked))
        if asked.dry_run:
            return LetterOutcome(receipt, "would be sent")
        (outcome,) = self._redrive(by).send([(letter, record)], even_discarded=True)
        if outcome.state == "not sent":
            raise NotFree(outcome.why)
        return _audited(outcome, by)

    def redrive_all(self, receipts: Sequence[str], by: str, *, dry_run: bool) -> list[LetterOutcome]:
        """Send these letters again as they are."""
        lines = self._book.lines()
        done: dict[str, LetterOutcome] = {}
        wanted = []
        for receipt, letter in self._book.whole([lines[each] for each in receipts]).items():
            try:
                record: Record = successor(letter, {})
            except InvalidInput as error:
                done[receipt] = LetterOutcome(receipt, "not sent", why=f"it would be refused again: {error}")
            else:
                done[receipt] = LetterOutcome(receipt, "would be sent")
                wanted.append((letter, record))
        if not dry_run:
            done |= {each.letter.source: _audited(each, by) for each in self._redrive(by).send(wanted)}
        return list(done.values())

    def discard(self, receipts: Iterable[str], by: str, note: str, *, dry_run: bool) -> list[LetterOutcome]:
        """Put letters aside for good."""
        lines = self._book.lines()
        return [self._discarded(_of(lines, receipt), by, note, dry_run=dry_run) for receipt in receipts]

    def _discarded(self, line: Line, by: str, note: str, *, dry_run: bool) -> LetterOutcome:
        receipt = line.letter.source
        if dry_run:
            return LetterOutcome(receipt, "would be discarded")
        try:
            self._notes.resolve(self._notes.take(receipt, line.letter.domain.topic, by), "discarded", note)
        except NotFree as error:
            return LetterOutcome(receipt, "not sent", why=str(error))
        log.info("dead_letter_discarded", extra={"receipt": receipt, "by": by, "note": note})
        metrics.LETTERS_HANDLED.labels("discarded").inc()
        return LetterOutcome(receipt, "discarded")

    def _redrive(self, by: str) -> Redrive:
        return Redrive(self._db, by, lambda: nullcontext(self._publisher))


def _of(lines: Mapping[str, Line], receipt: str) -> Line:
    if receipt not in lines:
        raise NoSuchLetter(receipt)
    return lines[receipt]


def _faults(letter: Letter) -> Sequence[FieldFault]:
    """What its consumer would refuse again, as it is."""
    try:
        successor(letter, {})
    except InvalidInput as error:
        return error.faults
    return ()


def _given(asked: LetterRedrive) -> bytes | None:
    """The whole value, where one is given."""
    if asked.value is not msgspec.UNSET and asked.hex is not msgspec.UNSET:
        raise InvalidInput(FieldFault("hex", "must not stand beside value"))
    if isinstance(asked.hex, str):
        try:
            return bytes.fromhex(asked.hex)
        except ValueError:
            raise InvalidInput(FieldFault("hex", "must be pairs of hexadecimal digits")) from None
    return None if asked.value is msgspec.UNSET else msgspec.json.encode(asked.value)


def _audited(outcome: Outcome, by: str) -> LetterOutcome:
    told = LetterOutcome(outcome.letter.source, outcome.state, outcome.successor, outcome.why or None)
    said = {"receipt": told.receipt, "by": by, "state": told.state, "successor": told.successor, "why": told.why}
    log.info("dead_letter_redriven", extra=said)
    metrics.LETTERS_HANDLED.labels(told.state).inc()
    return told
