"""What the database knows of one receipt: whether its position has passed it, and how it was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop_core.events import TOPICS
from shop_core.events.receipts import Receipt
from shop_core.mongo.client import Database, Document
from shop_core.mongo.letter_notes import LetterNotes, Note
from shop_core.mongo.positions import Positions, Stored
from shop_core.mongo.rejections import Rejections


@dataclass(frozen=True)
class Refused:
    """`kind` is whose fault it is, as the dead letter has it; `letter` whether that is sent, still pending, or erased
    on its way."""

    reason: str
    kind: str
    at: datetime
    letter: str


@dataclass(frozen=True)
class Fate:
    """`stands` is the position of the receipt's partition, None where nobody reads it yet."""

    stands: Stored | None
    refused: Refused | None = None
    note: Note | None = None

    @property
    def successor(self) -> str | None:
        """The receipt under which it was sent again."""
        if self.note is None:
            return None
        return self.note.successor or (self.note.resolution or "").partition("redriven ")[2] or None


def fate_of(db: Database[Document], receipt: str) -> Fate:
    """The position is read first: what it has passed by then, the refusals know."""
    topic = Receipt.of(receipt).topic
    stands = Positions(db, TOPICS[topic].group).stored(topic).get(Receipt.of(receipt).partition)
    found = Rejections(db).find(receipt)
    if found is None:
        return Fate(stands)
    refused = Refused(found["reason"], found.get("class", "rejected"), found["at"], found["dlq"])
    return Fate(stands, refused, LetterNotes(db).one(receipt))
