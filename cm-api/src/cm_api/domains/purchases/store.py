"""The collections `purchases` and `users`: writes inside the consumer's transaction, reads for the query API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from cm_api.erasure import Partitions, told_in
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.pieces import ids_of, update

_SAID = ("username", "userid", "price", "timestamp", "order", "productid", "partition")
_FIELDS = {"username": 1, "userid": 1, "price": 1, "order": 1, "productid": 1}


def ensure_indexes(db: Database[Document]) -> None:
    """The indexes that the queries below use; safe to repeat."""
    with translate_errors():
        for field in ("username", "userid"):
            # Ascending, read backwards: the embedded database misses a bound that is a prefix of a key in a
            # descending index, and MongoDB reads either direction alike.
            db["purchases"].create_index([(field, ASCENDING), ("order", ASCENDING)], name=f"{field}_order")
        # Who bought a product: the catalog marks reviews by it. Most purchases name no product and cost nothing here.
        db["purchases"].create_index(
            [("productid", ASCENDING), ("userid", ASCENDING)],
            name="productid_userid",
            partialFilterExpression={"productid": {"$exists": True}},
        )
        db["rejections"].create_index([("topic", ASCENDING), ("dlq", ASCENDING)], name="topic_dlq")


def to_decimal128(value: Decimal) -> Decimal128:
    return Decimal128(value)


class PurchaseStore:
    """`session` is the consumer's transaction; reads for the API go without one."""

    def __init__(self, db: Database[Document], session: ClientSession | None = None) -> None:
        self._purchases = db["purchases"]
        self._users = db["users"]
        self._session = session

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of those already stored."""
        found = self._purchases.find({"_id": {"$in": list(ids)}}, {"digest": 1}, session=self._session)
        return {doc["_id"]: doc["digest"] for doc in found}

    applied = digests  # as the stores of the other domains call it

    def insert(self, docs: Sequence[Document]) -> None:
        if docs:
            self._purchases.insert_many(docs, session=self._session)

    def count_in(self, changes: Mapping[str, Document]) -> None:
        """Add each user's change to the profile."""
        updates = [
            UpdateOne(
                {"_id": userid},
                {
                    "$inc": {"count": change["count"], "totalSpent": Decimal128(change["total"])},
                    "$min": {"first": change["first"]},
                    "$max": {"last": change["last"]},
                    "$set": {"username": change["username"]},
                },
                upsert=True,
            )
            for userid, change in changes.items()
        ]
        if updates:
            self._users.bulk_write(updates, ordered=False, session=self._session)

    def erase(self, userid: str, partitions: Partitions) -> bool:
        """Leave of a user's purchases out of these partitions only ids and digests; whether there were any."""
        ids = ids_of(self._purchases, {"userid": userid} | told_in(partitions), self._session)
        update(self._purchases, ids, {"$unset": dict.fromkeys(_SAID, "")}, self._session)
        return bool(ids)

    def drop_profile(self, userid: str) -> None:
        self._users.delete_one({"_id": userid}, session=self._session)

    def bought_by(self, userid: str) -> list[Document]:
        """All that is left of a user's purchases, oldest first."""
        return list(self._purchases.find({"userid": userid}, session=self._session).sort("order", ASCENDING))

    def page(
        self,
        field: str,
        value: str,
        low: str | None,
        high: str | None,
        limit: int,
        owner: str | None = None,
        *,
        oldest: bool = False,
        after: str | None = None,
    ) -> list[Document]:
        """At most `limit`, with low ≤ order < high and above `after`, newest first unless `oldest`.

        `field` is username or userid, `owner` a userid.
        """
        above = ("$gte", low) if after is None or (low is not None and after < low) else ("$gt", after)
        bounds = {op: bound for op, bound in (above, ("$lt", high)) if bound is not None}
        order = ASCENDING if oldest else DESCENDING
        query: dict[str, Any] = {field: value} | ({"order": bounds} if bounds else {})
        if owner is not None:
            query["userid"] = owner
        with translate_errors():
            return list(self._purchases.find(query, _FIELDS).sort([("order", order)]).limit(limit))

    def some(self, ids: Sequence[str]) -> list[Document]:
        """Those of these purchases that are there and not erased."""
        query = {"_id": {"$in": list(ids)}, "userid": {"$exists": True}}
        with translate_errors():
            return list(self._purchases.find(query, _FIELDS, session=self._session))

    def every_id(self) -> Iterator[str]:
        """The id of each purchase that is not erased."""
        with translate_errors():
            yield from (doc["_id"] for doc in self._purchases.find({"userid": {"$exists": True}}, {"_id": 1}))

    def profiles_after(self, userid: str, limit: int) -> list[Document]:
        with translate_errors():
            found = self._users.find({"_id": {"$gt": userid}}, session=self._session)
            return list(found.sort("_id", ASCENDING).limit(limit))

    def bought_between(self, after: str, last: str | None) -> Iterator[Document]:
        """Every purchase of the users whose ids come after one, up to another or to the end."""
        bounds = {"$gt": after} | ({} if last is None else {"$lte": last})
        with translate_errors():
            yield from self._purchases.find({"userid": bounds}, _FIELDS, session=self._session)

    def one(self, id: str, owner: str | None = None) -> Document | None:
        """The purchase of this id, only where it is `owner`'s if one is given."""
        query = {"_id": id, "userid": {"$exists": True} if owner is None else owner}
        with translate_errors():
            return self._purchases.find_one(query, _FIELDS)

    def profile(self, userid: str) -> Document | None:
        with translate_errors():
            return self._users.find_one({"_id": userid})
