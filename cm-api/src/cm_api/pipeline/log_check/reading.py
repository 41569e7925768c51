"""Reads a log into the notebook: what became of each event by the word of the database, and what the others make.

Only events that a position has passed are read, so that each of them is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cm_api.contract import ReadModel
from cm_api.notebook import Command, Notebook
from cm_api.pipeline import privacy
from cm_api.pipeline.log_check.progress import Progress
from cm_api.settings import ConsumerSettings
from shop_core.errors import InvalidInput
from shop_core.events.envelope import Domain, Event, Message, decode
from shop_core.events.people import USER_ERASED
from shop_core.kafka.topic_reader import TopicReader
from shop_core.mongo.client import Database, Document
from shop_core.mongo.erasures import Erasures
from shop_core.mongo.positions import Skip
from shop_core.mongo.rejections import Rejections

# A day before its id may be forgotten nothing is expected of a command any more.
EARLIER = timedelta(days=1)
STORED, DUPLICATE, REJECTED, SKIPPED = "stored", "duplicate", "rejected", "skipped"
NOWHERE = "is neither stored nor rejected"


@dataclass
class Reading:
    """Of one domain. `skipped` are offsets by partition that a person told the consumers to go past."""

    model: ReadModel[Any]
    db: Database[Document]
    settings: ConsumerSettings
    log: TopicReader
    book: Notebook
    progress: Progress
    skipped: Mapping[int, Sequence[Skip]] = field(default_factory=dict)
    read: int = 0

    def __post_init__(self) -> None:
        self.domain: Domain = self.model.domain
        self._erasures = Erasures(self.db, self.domain.name)
        self._rejections = Rejections(self.db)
        self._audit = self.model.audit
        days = self._audit.kept_days(self.settings) if self._audit else None
        self._kept = None if days is None else timedelta(days=days) - EARLIER

    def read_to(self, until: Mapping[int, int]) -> None:
        """What lies between here and there, each batch with how far it comes."""
        for batch in self.log.read(until):
            self._take(batch)
            self.book.stand({message.partition: message.offset + 1 for message in batch})
            self.book.commit()
            self.read += len(batch)
            self.progress.add(len(batch))
        places = self.book.places()
        self.book.stand({p: end for p, end in until.items() if end > places.get(p, 0)})
        self.book.commit()

    def _take(self, batch: Sequence[Message]) -> None:
        refused = self._rejections.among(message.receipt for message in batch)
        events = []
        for message in batch:
            if message.receipt in refused:
                self.book.count(REJECTED)
            elif any(skip.holds(message.offset) for skip in self.skipped.get(message.partition, ())):
                self.book.count(SKIPPED)
            elif (event := self._decoded(message)) is not None:
                events.append(event)
        copies = [event for event in events if event.type == USER_ERASED and event.everywhere]
        known = self._erasures.known(None, copies) if copies else {}
        gone = privacy.forgotten(self._erasures, None, [event for event in events if event.belated])
        for event in events:
            self._settle(event, gone, known)

    def _decoded(self, message: Message) -> Event | None:
        try:
            return decode(self.domain, message)
        except InvalidInput as error:
            self._lost(message.receipt, f"can't be read ({str(error)[:200]}) and is not among the rejections")
            return None

    def _settle(self, event: Event, gone: Iterable[str], known: Mapping[str, tuple[str, str]]) -> None:
        if event.type == USER_ERASED:
            self._erase(event, known)
        elif event.receipt in gone:
            self.book.count(STORED)  # dropped, since its user was erased after it was said
        elif self._audit is not None and not self._audit.remembers(event):
            self._make(event)
        elif (earlier := self._earlier(event)) is None:
            self.book.expect(Command(event.id, event.digest, event.receipt, self._expires(event)))
            self._make(event)
        elif earlier.digest == event.digest:
            self.book.count(DUPLICATE)
        else:
            self._lost(event.receipt, f"has the id of {earlier.receipt}, says something else, and {NOWHERE}")

    def _make(self, event: Event) -> None:
        self.book.count(STORED)
        if self._audit is not None:
            self._audit.fold(self.book, event)

    def _erase(self, event: Event, known: Mapping[str, tuple[str, str]]) -> None:
        digest, receipt = known.get(self._erasures.name_of(event), ("", ""))
        if not event.everywhere or receipt == event.receipt:
            self.book.count(STORED)
            self.book.forget(event.data.userid, event.place[0] if event.everywhere else None)
        elif receipt and digest == event.digest:
            self.book.count(DUPLICATE)
        else:
            self._lost(event.receipt, f"an erasure that {NOWHERE}")

    def _earlier(self, event: Event) -> Command | None:
        found = self.book.command(event.id)
        expired = found and found.expires is not None and found.expires < event.time.timestamp()
        return None if expired else found

    def _expires(self, event: Event) -> float | None:
        return None if self._kept is None else (event.time + self._kept).timestamp()

    def _lost(self, receipt: str, why: str) -> None:
        self.book.lose(f"event {receipt} {why}")
