"""One domain's check: read the log to where the consumers stand, hold what it says against what the store shows, and
take every sum once more.

Consumers go on meanwhile. So what differs at first is only suspected: it is looked at again in one transaction with the
positions, and judged once the log is read to just there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from cm_api.audit import Audit, Finding, Recounted, differing
from cm_api.notebook import PIECE, Fields
from cm_api.pipeline.log_check.reading import DUPLICATE, REJECTED, STORED, Reading
from cm_api.pipeline.log_check.verdict import Verdict
from shop_core import cli
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession
from shop_core.mongo.positions import Account, Positions

COMMAND = "command"
FORMAT = "1"  # of the notebook
PATIENCE = 10.0
T = TypeVar("T")


class Check:
    """`reading` has the log, the database and the notebook."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._book, self._db = reading, reading.book, reading.db
        self._domain = reading.domain
        self._positions = Positions(self._db, self._domain.group)
        self._audit: Audit[Any] | None = reading.model.audit
        self._verdict = Verdict(self._domain.name)
        self._progress = reading.progress

    def run(self) -> Verdict:
        begun = time.monotonic()
        accounts = self._positions.accounts(self._domain.topic)
        self._go_on(accounts)
        until = {partition: account.offset for partition, account in accounts.items()}
        places = self._book.places()
        self._progress.begin("reading", sum(max(0, end - places.get(p, 0)) for p, end in until.items()))
        self._reading.read_to(until)
        self._balance(accounts)
        self._suspect()
        self._judge()
        self._recount()
        self._tell(begun)
        return self._verdict

    def _go_on(self, accounts: dict[int, Account]) -> None:
        """From where the notebook stands, or anew where that is of another topic or ahead of the database."""
        book, log = self._book, self._reading.log
        same = "/".join([FORMAT, *sorted({account.topic_id for account in accounts.values()})])
        ahead = any(place > accounts[p].offset for p, place in book.places().items() if p in accounts)
        if ahead or (accounts and (book.noted("of") or same) != same):
            book.clear()
            self._verdict.notes.append("the notebook was of another log, or ahead of the database: begun anew")
        if accounts:
            book.note("of", same)
        places = book.places()
        if cut := [p for p, start in log.starts().items() if start > places.get(p, 0)]:
            book.note("cut", str(len(cut)))
        if book.noted("cut"):
            self._verdict.notes.append("the log has lost its beginning: what is older is not compared with it")
        stored = self._positions.stored(self._domain.topic)
        self._reading.skipped = {p: at.skipped for p, at in stored.items()}
        log.skips = {p: {skip.start: skip.end for skip in at.skipped} for p, at in stored.items()}
        self._verdict.notes += [f"partition {p} stands still: {at.unreadable}" for p, at in stored.items()
                                if at.unreadable]  # fmt: skip
        log.go_on(places)

    @property
    def _whole(self) -> bool:
        return not self._book.noted("cut")

    def _balance(self, accounts: dict[int, Account]) -> None:
        """What the consumers counted, in the transactions of their positions, against what was counted here."""
        kept = [account.counts for account in accounts.values()]
        if not self._whole or any(counts.moved or counts.gone for counts in kept):
            return
        here = self._book.counts()
        for name in (STORED, DUPLICATE, REJECTED):
            told = sum(getattr(counts, name) for counts in kept)
            if told != here.get(name, 0):
                about = f"the positions count {told:,} {name}, the log gives {here.get(name, 0):,}"
                self._verdict.add(Finding("wrong", about))

    def _suspect(self) -> None:
        """Whatever is not the same now: commands that are not known, and things on either side."""
        book, store = self._book, self._store(None)
        self._progress.begin("commands", book.total("ids"))
        for page in book.commands():
            known = store.applied([each.id for each in page])
            book.suspect(COMMAND, [each.id for each in page if known.get(each.id) != each.digest])
            self._progress.add(len(page))
        if self._audit is not None and (self._whole or not self._audit.adds_up):
            for kind in self._audit.kinds:
                self._compare(self._audit, store, kind)
        book.commit()

    def _compare(self, audit: Audit[Any], store: Any, kind: str) -> None:
        book, number = self._book, self._book.total("things", kind)
        self._verdict.compared[kind] = number
        self._progress.begin(f"each {kind}", number)
        for page in book.things(kind):
            shown = audit.shown(store, kind, list(page))
            book.suspect(kind, [id for id, told in page.items() if id not in shown or differing(told, shown[id])])
            self._progress.add(len(page))
        if self._whole:  # else what is older than the log may well be there
            there = audit.every(store, kind)
            self._progress.begin(f"each {kind} that is there", number)
            while ids := list(islice(there, PIECE)):
                book.suspect(kind, [id for id in ids if book.thing(kind, id) is None])
                self._progress.add(len(ids))

    def _judge(self) -> None:
        self._progress.begin("looking again", self._book.total("suspects"))
        while suspects := self._book.suspects():
            kind, ids = suspects[0][0], [id for _, id in suspects]
            look = partial(self._look, kind=kind, ids=ids)
            until, shown, known = self._again(look)
            self._reading.read_to(until)
            for id in ids:
                if kind == COMMAND:
                    self._settle_command(id, known.get(id))
                else:
                    self._settle(kind, id, shown.get(id), known)
            self._book.clear_up(suspects)
            self._book.commit()
            self._progress.add(len(suspects))

    def _look(
        self, session: ClientSession, kind: str, ids: Sequence[str]
    ) -> tuple[dict[int, int], dict[str, Fields], dict[str, str]]:
        """At one moment: where the consumers stand, what is shown, and which of the ids are known commands."""
        store, until = self._store(session), self._positions.topic(self._domain.topic, session)
        shown = self._audit.shown(store, kind, ids) if self._audit and kind != COMMAND else {}
        return until, shown, store.applied(ids)

    def _settle(self, kind: str, id: str, shown: Fields | None, known: Mapping[str, str]) -> None:
        told, add = self._book.thing(kind, id), self._verdict.add
        if told is None and shown is not None:
            like = self._book.alike(kind, shown)
            also = f"it is the same as {like}" if like else "no event says so"
            add(Finding("doubled" if like else "ghost", f"{kind} {id} is there, and {also}"))
        elif told is not None and shown is None:
            if id in known or self._book.command(id) is None:  # else it is told as the event that is lost
                add(Finding("lost", f"{kind} {id} is not there"))
        elif told is not None and shown is not None and (fields := differing(told, shown)):
            if self._audit and self._audit.adds_up:
                add(Finding("wrong", f"{kind} {id}: stored {dict(shown)}, by the log {told}"))
            else:
                add(Finding("changed", f"{kind} {id} has another {', '.join(fields)}"))

    def _settle_command(self, id: str, digest: str | None) -> None:
        command = self._book.command(id)
        if command is None or digest == command.digest:
            return
        if digest is not None:
            self._verdict.add(Finding("changed", f"event {command.receipt} is stored as another command (id {id})"))
        elif command.expires is None or command.expires > time.time():
            self._verdict.add(Finding("lost", f"event {command.receipt} is neither stored nor rejected (id {id})"))

    def _recount(self) -> None:
        audit, after = self._audit, ""
        if audit is None:
            return
        self._progress.begin("sums", 0)
        following: str | None = after
        looked = 0
        while following is not None:
            piece = self._again(partial(self._recounted, audit=audit, after=following))
            for finding in piece.findings:
                self._verdict.add(finding)
            following, looked = piece.following, looked + piece.looked
            self._progress.add(piece.looked)
        if looked:
            self._verdict.compared["sum"] = looked

    def _recounted(self, session: ClientSession, audit: Audit[Any], after: str) -> Recounted:
        return audit.recount(audit.store(self._db, session), after)

    def _store(self, session: ClientSession | None) -> Any:
        return (self._audit or self._reading.model).store(self._db, session)

    def _again(self, work: Callable[[ClientSession], T]) -> T:
        """In a transaction; a database that is slow for a moment costs time, not what was done so far."""
        return cli.retry_while_unavailable(lambda: client.in_transaction_again(self._db, work), PATIENCE)

    def _tell(self, begun: float) -> None:
        verdict, places = self._verdict, self._book.places()
        for about in self._book.lost():
            verdict.add(Finding("lost", about))
        verdict.events = self._book.counts()
        verdict.read = self._reading.read
        ends = self._reading.log.ends()
        verdict.waiting = sum(max(0, end - places.get(p, 0)) for p, end in ends.items())
        verdict.seconds = round(time.monotonic() - begun, 1)
        self._progress.end()
