"""Letters on their way back: published in order, then watched until each is stored or refused once more.

A letter counts as dealt with only when its successor is stored.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from shop_core.errors import ShopError
from shop_core.events.envelope import Record, parse_receipt
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo.client import Database, Document, Positions, Rejections
from shopctl.dead_letters import Letter
from shopctl.terminal import escaped

SETTLED_WITHIN = 5.0
LOOK_EVERY = 0.1
NOT_SENT, NOT_STORED = 1, 3
BATCH = 500


@dataclass
class Sent:
    """One letter that is on its way: the receipt of its successor, and what is known of that."""

    letter: Letter
    receipt: str
    stored: bool = False
    rejected: str | None = None

    @property
    def settled(self) -> bool:
        return self.stored or self.rejected is not None


class Redrive:
    """Gathers what is to be sent, sends it, and tells what became of each letter."""

    def __init__(self, bootstrap: str, db: Database[Document]) -> None:
        self._bootstrap = bootstrap
        self._db = db
        self._notes = Rejections(db)
        self._records: list[tuple[Letter, Record]] = []
        self._sent: list[Sent] = []
        self._refused = 0

    def add(self, letter: Letter, record: Record) -> None:
        self._records.append((letter, record))

    def refuse(self, why: str) -> None:
        """A letter that is not sent; the others are."""
        self._refused += 1
        print(f"shopctl: {escaped(why)}", file=sys.stderr)

    def run(self) -> int:
        """Send and watch; the exit code."""
        if self._records:
            self._publish()
            self._watch()
        for sent in self._sent:
            self._tell(sent)
        if self._refused:
            return NOT_SENT
        return 0 if all(sent.stored for sent in self._sent) else NOT_STORED

    def _publish(self) -> None:
        publisher = KafkaPublisher(self._bootstrap)
        publisher.connected(5.0)
        try:
            for start in range(0, len(self._records), BATCH):
                some = self._records[start : start + BATCH]
                outcomes = publisher.publish_each([record for _, record in some])
                for (letter, _), outcome in zip(some, outcomes, strict=True):
                    if isinstance(outcome, ShopError):
                        self.refuse(f"{letter.source} was not sent: {outcome}")
                    else:
                        self._sent.append(Sent(letter, outcome))
        except ShopError as error:
            self.refuse(f"{len(self._records) - len(self._sent)} letters were not sent: {error}")
        finally:
            publisher.close()

    def _watch(self) -> None:
        """Until each is settled, or for so long that its consumer must be away."""
        deadline = time.monotonic() + SETTLED_WITHIN
        while open_ := [sent for sent in self._sent if not sent.settled]:
            self._look(open_)
            if time.monotonic() > deadline or all(sent.settled for sent in open_):
                return
            time.sleep(LOOK_EVERY)  # the database tells nothing by itself

    def _look(self, open_: list[Sent]) -> None:
        """As cm-api tells a receipt's state: the position has passed it, and it was refused or not."""
        positions = {
            domain.topic: Positions(self._db, domain.group).topic(domain.topic)
            for domain in {sent.letter.domain.name: sent.letter.domain for sent in open_}.values()
        }
        for sent in open_:
            topic, partition, offset = parse_receipt(sent.receipt, list(positions))
            if positions[topic].get(partition, 0) > offset:
                refused = self._notes.find(sent.receipt)
                sent.rejected = str(refused["reason"]) if refused else None
                sent.stored = refused is None

    def _tell(self, sent: Sent) -> None:
        source = escaped(sent.letter.source)
        if sent.stored:
            self._notes.resolve(sent.letter.source, f"redriven {sent.receipt}", sent.letter.domain.topic)
            print(f"{source}\tstored, redriven as {sent.receipt}")
        elif sent.rejected is not None:
            print(f"{source}\trejected: {escaped(sent.rejected)}\tredriven as {sent.receipt}")
        else:
            late = f"not stored within {SETTLED_WITHIN:g} s, so the letter stays"
            print(f"{source}\taccepted: {late}\tredriven as {sent.receipt}")
