"""The collections `products`, `reviews` and `catalog_applied`: writes inside the consumer's transaction, reads for
the query API. A rebuild makes a new generation of the three beside the live one
(`shop_core.mongo.generations`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, DeleteOne, InsertOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from cm_api.domains.catalog.long_texts import compressed, decompressed
from cm_api.domains.catalog.working_set import Changes
from cm_api.failpoints import failpoint
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.generations import Generations
from shop_core.mongo.pieces import ids_of, write

DOMAIN = "catalog"
COLLECTIONS = ("products", "reviews", "catalog_applied")
_WITHOUT_TEXT = {"description": 0}
_OF_RATINGS = {"name": 1, "price": 1, "rating": 1, "sort": 1}
_STARS = {"productid": 1, "userid": 1, "owner": 1, "rating": 1}
# Where the highest string that starts with a prefix would be.
AFTER_PREFIX = "\U0010ffff"
SORTS: Mapping[str, tuple[str, int]] = {
    "name": ("sort.name", ASCENDING),
    "-name": ("sort.name", DESCENDING),
    "price": ("sort.price", ASCENDING),
    "-price": ("sort.price", DESCENDING),
    "rating": ("sort.rating", DESCENDING),
    "-rating": ("sort.rating", ASCENDING),
    "rank": ("sort.rank", DESCENDING),
    "newest": ("sort.newest", DESCENDING),
    "oldest": ("sort.newest", ASCENDING),
}
REVIEW_SORTS: Mapping[str, tuple[str, int]] = {
    "newest": ("sort.newest", DESCENDING),
    "highest": ("sort.rating", DESCENDING),
    "lowest": ("sort.rating", ASCENDING),
}


def ensure_indexes(db: Database[Document], generation: int | None = None) -> None:
    """The indexes that the queries below use, of the live generation or a given one; safe to repeat."""
    with translate_errors():
        number = Generations(db).current(DOMAIN) if generation is None else generation
        names = [Generations.name(collection, number) for collection in COLLECTIONS]
        products, reviews, _ = (db[name] for name in names)
        for field in ("sort.name", "sort.price", "sort.rating", "sort.rank", "sort.newest"):
            products.create_index([(field, ASCENDING)], name=field.replace(".", "_"))
        for field in ("tags", "words"):
            products.create_index([(field, ASCENDING)], name=field)
        for field in ("sort.newest", "sort.rating"):
            reviews.create_index(
                [("productid", ASCENDING), (field, ASCENDING)], name=f"productid_{field.replace('.', '_')}"
            )
        reviews.create_index([("owner", ASCENDING)], name="owner", unique=True)
        reviews.create_index([("userid", ASCENDING)], name="userid")
        # The sweep's question: what some partitions of a topic gave rise to, in the order of their sources.
        by_source = [("source", ASCENDING), ("partition", ASCENDING), ("order", ASCENDING)]
        db["outbox"].create_index(by_source, name="source_partition_order")


class CatalogStore:
    """`session` is the consumer's transaction; reads for the API go without one.

    Which generation is live is read in the same transaction, so that a swap and a batch never cross.
    """

    def __init__(
        self, db: Database[Document], session: ClientSession | None = None, generation: int | None = None
    ) -> None:
        self._db = db
        self._session = session
        if generation is None:
            with translate_errors():
                known = Generations(db)
                generation = known.current(DOMAIN) if session is None else known.written(DOMAIN, session)
        self.generation = generation
        self._products, self._reviews, self._applied = (
            db[Generations.name(collection, generation)] for collection in COLLECTIONS
        )

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of the events already applied."""
        found = self._applied.find({"_id": {"$in": list(ids)}}, session=self._session)
        return {doc["_id"]: doc["digest"] for doc in found}

    def load(
        self, products: Sequence[str], reviews: Sequence[str], owners: Sequence[str], users: Sequence[str] = ()
    ) -> tuple[list[Document], list[Document]]:
        """Products and reviews by id, and reviews by product and user, without their texts; and all of `users`' reviews
        with their products."""
        by_id: dict[str, Document] = {}
        for field, values in (("_id", reviews), ("owner", owners), ("userid", users)):
            if values:
                query = {field: {"$in": list(values)}}
                by_id |= {doc["_id"]: doc for doc in self._reviews.find(query, {"text": 0}, session=self._session)}
        ids = {*products, *(doc["productid"] for doc in by_id.values() if doc["userid"] in users)}
        found = list(self._products.find({"_id": {"$in": sorted(ids)}}, _WITHOUT_TEXT, session=self._session))
        return found, list(by_id.values())

    def write(self, applied: Mapping[str, str], products: Changes, reviews: Changes, cleared: Sequence[str]) -> None:
        """One batch. Reviews that go are removed before others come: a user may review again what they took back."""
        if applied:
            docs = [{"_id": id, "digest": digest} for id, digest in applied.items()]
            self._applied.insert_many(docs, ordered=False, session=self._session)
        failpoint("half_written")
        of_cleared = ids_of(self._reviews, {"productid": {"$in": list(cleared)}}, self._session) if cleared else []
        removed = [DeleteOne({"_id": id}) for id in of_cleared]
        for collection, changes, first in (
            (self._products, products, []),
            (self._reviews, reviews, removed),
        ):
            writes: list[Any] = [*first, *(DeleteOne({"_id": id}) for id in changes.gone)]
            writes += [InsertOne(compressed(doc)) for doc in changes.new]
            writes += [UpdateOne({"_id": id}, _stored(update)) for id, update in changes.updates.items()]
            write(collection, writes, self._session)

    def product(self, id: str) -> Document | None:
        with translate_errors():
            return _whole(self._products.find_one({"_id": id}))

    def products(self, ids: Iterable[str]) -> list[Document]:
        with translate_errors():
            found = self._products.find({"_id": {"$in": list(ids)}}, session=self._session)
            return [decompressed(doc) for doc in found]

    def some_reviews(self, ids: Iterable[str]) -> list[Document]:
        with translate_errors():
            found = self._reviews.find({"_id": {"$in": list(ids)}}, session=self._session)
            return [decompressed(doc) for doc in found]

    def products_after(self, id: str, limit: int) -> list[Document]:
        """The next products by id, with what their ratings are to be compared by."""
        with translate_errors():
            found = self._products.find({"_id": {"$gt": id}}, _OF_RATINGS, session=self._session)
            return list(found.sort("_id", ASCENDING).limit(limit))

    def reviews_between(self, after: str, last: str | None) -> Iterator[Document]:
        """The stars in every review of the products whose ids come after one, up to another or to the end."""
        bounds = {"$gt": after} | ({} if last is None else {"$lte": last})
        with translate_errors():
            yield from self._reviews.find({"productid": bounds}, _STARS, session=self._session)

    def page(
        self, sort: str, cursor: str | None, prefix: str, limit: int, tag: str = "", words: Sequence[str] = ()
    ) -> list[Document]:
        """Products in the order of `sort` after `cursor`, without their descriptions: those whose name starts with
        `prefix`, only those with `tag` where one is given, and of which some word begins with each of `words`."""
        field, direction = SORTS[sort]
        bounds: list[Document] = [{"sort.name": {"$gte": prefix, "$lt": prefix + AFTER_PREFIX}}] if prefix else []
        if tag:
            bounds.append({"tags": tag})
        bounds += [{"words": {"$regex": f"^{re.escape(word)}"}} for word in words]
        return self._page(self._products, bounds, field, direction, cursor, limit, _WITHOUT_TEXT)

    def reviews(self, productid: str, sort: str, cursor: str | None, limit: int) -> list[Document]:
        field, direction = REVIEW_SORTS[sort]
        return self._page(self._reviews, [{"productid": productid}], field, direction, cursor, limit, None)

    def reviews_by(self, userid: str, cursor: str | None, limit: int) -> list[Document]:
        """What a user has said, by moment, after `cursor`."""
        return self._page(self._reviews, [{"userid": userid}], "sort.newest", ASCENDING, cursor, limit, None)

    def review(self, id: str) -> Document | None:
        with translate_errors():
            return _whole(self._reviews.find_one({"_id": id}))

    def buyers(self, productid: str, userids: Sequence[str]) -> set[str]:
        """Which of `userids` have a purchase that names the product."""
        query = {"productid": productid, "userid": {"$in": list(userids)}}
        with translate_errors():
            return {doc["userid"] for doc in self._db["purchases"].find(query, {"userid": 1})}

    def bought(self, userid: str, productids: Sequence[str]) -> set[str]:
        """Which of `productids` a purchase of the user names."""
        query = {"userid": userid, "productid": {"$in": list(productids)}}
        with translate_errors():
            return {doc["productid"] for doc in self._db["purchases"].find(query, {"productid": 1})}

    def raised(self) -> list[str]:
        """The products whose numbers a repair had to raise."""
        with translate_errors():
            return [doc["_id"] for doc in self._products.find({"raised": {"$exists": True}}, {"_id": 1})]

    def numbered(self, ids: Sequence[str]) -> dict[str, Document]:
        """Whole products by id, in the transaction."""
        found = self._products.find({"_id": {"$in": list(ids)}}, session=self._session)
        return {doc["_id"]: decompressed(doc) for doc in found}

    def raise_numbers(self, id: str, numbers: Document) -> None:
        self._products.update_one({"_id": id}, {"$set": numbers}, session=self._session)

    def every(self, collection: str, fields: Mapping[str, int] | None = None) -> Iterator[Document]:
        """Each document of one of the collections, in the transaction; for recounts and comparisons."""
        number = COLLECTIONS.index(collection)
        chosen = (self._products, self._reviews, self._applied)[number]
        # Unsorted: the embedded database sorts in memory, and takes five times as long.
        # In small pieces, or one answer of 16 MiB may take longer than an answer may.
        found = chosen.find({}, dict(fields) if fields else None, session=self._session, batch_size=1000)
        yield from map(decompressed, found)

    def drop(self) -> None:
        """Remove the whole generation."""
        with translate_errors():
            for collection in (self._products, self._reviews, self._applied):
                collection.drop()

    def _page(
        self, collection: Any, bounds: list[Document], field: str, direction: int, cursor: str | None, limit: int,
        fields: Mapping[str, int] | None,
    ) -> list[Document]:  # fmt: skip
        if cursor is not None:
            bounds = [*bounds, {field: {"$gt" if direction == ASCENDING else "$lt": cursor}}]
        query = {"$and": bounds} if len(bounds) > 1 else bounds[0] if bounds else {}
        with translate_errors():
            found = collection.find(query, fields).sort([(field, direction)]).limit(limit)
            return [decompressed(doc) for doc in found]


def _whole(doc: Document | None) -> Document | None:
    return None if doc is None else decompressed(doc)


def _stored(update: Document) -> Document:
    """An update whose new texts are as they are stored."""
    return update | {"$set": compressed(update["$set"])} if "$set" in update else update
