"""What of a person is in refused events that wait for their way to the dead letters: told to them, erased with them.

Once a letter is in its topic, the database holds nothing of what it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cm_api.erasure import takes
from shop_core.events import TOPICS
from shop_core.events.envelope import Event
from shop_core.events.fields import format_instant
from shop_core.events.receipts import Receipt
from shop_core.mongo.client import ClientSession, Database, Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.pieces import update
from shop_core.responses.people import RefusedCommand

ERASED = "erased"  # instead of pending or sent


def of(db: Database[Document], userid: str) -> list[RefusedCommand]:
    """All that waits and is about a user."""
    with translate_errors():
        return [to_answer(doc) for doc in _waiting(db, list(TOPICS)) if concerns(doc["raw"], {userid})]


def forget(db: Database[Document], session: ClientSession, erasing: Sequence[Event]) -> None:
    """In the transaction of the erasures: what these users said before goes nowhere any more."""
    topics = sorted({Receipt.of(event.receipt).topic for event in erasing})
    ids = [doc["_id"] for doc in _waiting(db, topics, session) if _erased(doc, erasing)]
    update(db["rejections"], ids, {"$set": {"dlq": ERASED}, "$unset": {"raw": ""}}, session)


def without_erased(doc: Document, erasing: Sequence[Event]) -> Document:
    """A refusal of the same batch as the erasures, as it is kept."""
    if not _erased(doc, erasing):
        return doc
    return {name: value for name, value in doc.items() if name != "raw"} | {"dlq": ERASED}


def _erased(doc: Document, erasing: Sequence[Event]) -> bool:
    """Whether a refusal is of what one of the erased had said before."""
    before = {
        each.data.userid
        for each in erasing
        if takes(each, doc) and (doc.get("partition") != each.place[0] or doc["offset"] < each.place[1])
    }
    return bool(before) and concerns(doc["raw"], before)


def concerns(raw: Document, userids: set[str]) -> bool:
    """Whether a message is about one of the users: by its data or its key, or, where the data can't be read, by what
    stands in it."""
    if (raw.get("key") or b"").decode(errors="replace") in userids:
        return True
    value: bytes = raw.get("value") or b""
    try:
        data: Any = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return any(msgspec.json.encode(userid) in value for userid in userids)
    return isinstance(data, dict) and bool(userids.intersection(map(str, (data.get("userid"), data.get("user")))))


def to_answer(doc: Document) -> RefusedCommand:
    said = (doc["raw"].get("value") or b"").decode(errors="replace")
    return RefusedCommand(doc["_id"], doc["reason"], format_instant(doc["at"]), said)


def _waiting(
    db: Database[Document], topics: Sequence[str], session: ClientSession | None = None
) -> Iterator[Document]:  # fmt: skip
    query = {"topic": {"$in": list(topics)}, "dlq": "pending", "raw": {"$exists": True}}
    yield from db["rejections"].find(query, session=session)
