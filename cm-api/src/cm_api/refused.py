"""What of a person is in refused events that wait for their way to the dead letters: told to them, erased with them.

Once a letter is in its topic, the database holds nothing of what it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from shop_core.answers.people import RefusedCommand
from shop_core.events import TOPICS
from shop_core.events.fields import format_instant
from shop_core.mongo import ClientSession, Database, Document, outages

ERASED = "erased"  # instead of pending or sent


def of(db: Database[Document], userid: str) -> list[RefusedCommand]:
    """All that waits and is about a user."""
    with outages():
        return [to_answer(doc) for doc in _waiting(db, list(TOPICS)) if concerns(doc["raw"], {userid})]


def forget(db: Database[Document], session: ClientSession, topic: str, userids: Sequence[str]) -> None:
    """In the transaction of the erasure: what these users said goes nowhere any more."""
    ids = [doc["_id"] for doc in _waiting(db, [topic], session) if concerns(doc["raw"], set(userids))]
    if ids:
        gone = {"$set": {"dlq": ERASED}, "$unset": {"raw": ""}}
        db["rejections"].update_many({"_id": {"$in": ids}}, gone, session=session)


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
