"""What people did with dead letters, in the documents of `rejections`; in `strange_letters` for one that no consumer
wrote, so that no receipt is taken for rejected by it.

Who sends or discards a letter takes it first, which of two at once only one can: both transactions write the same
document. What a desk that died had taken is free again after `HELD_FOR`. Until then, and beyond where it is known, the
note names the successor that it sent, so that the next one looks for that before anything is sent again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shop_core.errors import ShopError
from shop_core.mongo.client import ClientSession, Database, Document, in_transaction_again
from shop_core.mongo.errors import translate_errors

# Longer than it takes to send some hundred letters and to see what becomes of them.
HELD_FOR = timedelta(minutes=2)


class NotFree(ShopError):
    """The letter is dealt with, or somebody is dealing with it; the message says which."""


@dataclass(frozen=True)
class Hold:
    """A letter that is in one's hands. `successor` is the receipt of what was sent for it, and not seen stored yet."""

    receipt: str
    by: str
    token: str
    successor: str | None = None


@dataclass(frozen=True)
class Note:
    """What is known of one letter: how it was dealt with, by whom and when; or what was sent and is waited for."""

    resolution: str | None
    by: str | None
    at: datetime | None
    said: str | None
    successor: str | None


class LetterNotes:
    """The notes of one shop."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db
        self._refused, self._strange = db["rejections"], db["strange_letters"]

    def take(self, receipt: str, topic: str, by: str, *, even_discarded: bool = False) -> Hold:
        """Take a letter into one's hands; `NotFree` where somebody else has it, or is done with it. Who names a letter
        that was discarded may have thought better of it."""
        done = "redriven" if even_discarded else ""
        return in_transaction_again(self._db, lambda session: self._take(session, receipt, topic, by, done))

    def _take(self, session: ClientSession, receipt: str, topic: str, by: str, done: str) -> Hold:
        noted = self._refused.find_one({"_id": receipt}, {"raw": 0}, session=session)
        strange = noted is None
        known = noted or self._strange.find_one({"_id": receipt}, session=session) or {}
        desk, now = known.get("desk") or {}, datetime.now(UTC)
        if (how := known.get("resolution")) is not None and how.startswith(done):
            raise NotFree(f"{receipt} is dealt with already: {how}")
        if desk and desk["until"] > now:
            raise NotFree(f"{receipt} is in the hands of {desk['by']}")
        hold = Hold(receipt, by, uuid.uuid4().hex, desk.get("successor"))
        said = {"by": by, "token": hold.token, "until": now + HELD_FOR, "successor": hold.successor}
        change: dict[str, Any] = {"$set": {"desk": said}}
        if strange:
            self._strange.update_one({"_id": receipt}, change | {"$setOnInsert": {"topic": topic}}, upsert=True,
                                     session=session)  # fmt: skip
        else:
            self._refused.update_one({"_id": receipt}, change, session=session)
        return hold

    def sent(self, hold: Hold, successor: str) -> Hold:
        """Note what was sent for a letter in one's hands."""
        self._write(hold, {"$set": {"desk.successor": successor}})
        return replace(hold, successor=successor)

    def put_down(self, hold: Hold) -> None:
        """Whoever comes next may take it; where something was sent for it that still may be stored, they are told."""
        free = {"$set": {"desk.until": datetime.now(UTC)}} if hold.successor else {"$unset": {"desk": ""}}
        self._write(hold, free)

    def resolve(self, hold: Hold, resolution: str, said: str = "") -> None:
        """Note how a letter in one's hands was dealt with: `discarded` or `redriven <new receipt>`."""
        facts = {"resolution": resolution, "resolvedAt": datetime.now(UTC), "resolvedBy": hold.by}
        self._write(hold, {"$set": facts | ({"note": said} if said else {}), "$unset": {"desk": ""}})

    def _write(self, hold: Hold, change: Document) -> None:
        mine = {"_id": hold.receipt, "desk.token": hold.token}

        def work(session: ClientSession) -> None:
            if not self._refused.update_one(mine, change, session=session).matched_count:
                self._strange.update_one(mine, change, session=session)

        in_transaction_again(self._db, work)

    def one(self, receipt: str) -> Note | None:
        """What is known of a letter; None where nothing is."""
        query = {"_id": receipt}
        with translate_errors():
            found = self._refused.find_one(query, {"raw": 0}) or self._strange.find_one(query)
        return None if found is None else _note(found)

    def of(self, topic: str) -> dict[str, Note]:
        """By receipt, every letter of a topic that somebody has touched."""
        query = {"topic": topic, "$or": [{"resolution": {"$exists": True}}, {"desk": {"$exists": True}}]}
        with translate_errors():
            found = [*self._strange.find(query), *self._refused.find(query, {"raw": 0})]
        return {doc["_id"]: _note(doc) for doc in found}


def _note(doc: Document) -> Note:
    desk = doc.get("desk") or {}
    return Note(
        doc.get("resolution"),
        doc.get("resolvedBy") or desk.get("by"),
        doc.get("resolvedAt"),
        doc.get("note"),
        desk.get("successor"),
    )
