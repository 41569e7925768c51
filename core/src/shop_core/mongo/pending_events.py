"""The collection `outbox`: derived events that were decided in a transaction and are not yet in Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.pieces import insert_unknown


class PendingEvents:
    """Of all domains; a relay sends them in the order of their sources."""

    def __init__(self, db: Database[Document]) -> None:
        self._outbox = db["outbox"]

    def add(self, session: ClientSession, docs: Sequence[Document]) -> None:
        """Record events to send; a replay's may wait already."""
        insert_unknown(self._outbox, session, docs)

    def pending(
        self, source: str, partitions: Iterable[int], but: Sequence[str] = (), limit: int = 500
    ) -> list[Document]:
        """The next events that `partitions` of the topic `source` gave rise to, in the order of their sources, without
        those whose ids are in `but`."""
        query = {"source": source, "partition": {"$in": list(partitions)}, "_id": {"$nin": list(but)}}
        with translate_errors():
            return list(self._outbox.find(query).sort("order", ASCENDING).limit(limit))

    def sent(self, ids: Sequence[str]) -> None:
        with translate_errors():
            self._outbox.delete_many({"_id": {"$in": list(ids)}})
