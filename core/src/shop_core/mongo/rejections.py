"""The collection `rejections`: what a consumer refused, by receipt, with its reason, source and way to the DLQ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pymongo.client_session import ClientSession
from pymongo.database import Database

from shop_core.mongo.client import Document, in_transaction_again
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.pieces import insert_unknown


class Rejections:
    """Of all domains; those that are not in the DLQ yet are pending."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db
        self._rejections = db["rejections"]

    def add(self, session: ClientSession, docs: Sequence[Document]) -> None:
        """Record refusals, each still to be sent to the DLQ (`dlq: pending`); a replay's are known already."""
        insert_unknown(self._rejections, session, docs)

    def pending(
        self, topic: str, partitions: Iterable[int], but: Sequence[str] = (), limit: int = 100
    ) -> list[Document]:
        """The refusals of `partitions` that are not in the DLQ yet, without those whose ids are in `but`."""
        query = {"topic": topic, "dlq": "pending", "partition": {"$in": list(partitions)}, "_id": {"$nin": list(but)}}
        with translate_errors():
            return list(self._rejections.find(query).limit(limit))

    def sent(self, receipts: Sequence[str]) -> None:
        """They are in the DLQ now; the raw message is kept there, not here.

        In a transaction, since an erasure's may write to the same: of two, the embedded database lets one wait for
        ever where it is none.
        """
        query, change = {"_id": {"$in": list(receipts)}}, {"$set": {"dlq": "sent"}, "$unset": {"raw": ""}}

        def work(session: ClientSession) -> None:
            self._rejections.update_many(query, change, session=session)

        in_transaction_again(self._db, work)

    def among(self, receipts: Iterable[str]) -> set[str]:
        """Those of `receipts` that were refused."""
        with translate_errors():
            return {doc["_id"] for doc in self._rejections.find({"_id": {"$in": list(receipts)}}, {"_id": 1})}

    def find(self, receipt: str) -> Document | None:
        with translate_errors():
            return self._rejections.find_one({"_id": receipt})
