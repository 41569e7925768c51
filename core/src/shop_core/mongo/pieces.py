"""Writes of any size as commands of a bounded one.

One event may be about very much: the erasure of somebody who bought ten thousand times, the end of a product with as
many reviews. As one command that takes longer than an answer may (`socketTimeoutMS`), and so is broken off, and tried
again for ever. All pieces are of the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from shop_core.mongo.client import Document

T = TypeVar("T")
PIECE = 500


def pieces(items: Sequence[T], size: int = PIECE) -> Iterator[Sequence[T]]:
    """`items` in their order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def ids_of(collection: Collection[dict[str, Any]], query: dict[str, Any], session: ClientSession | None) -> list[Any]:
    """What a write is to be about, to be done in pieces."""
    return [doc["_id"] for doc in collection.find(query, {"_id": 1}, session=session)]


def update(
    collection: Collection[dict[str, Any]], ids: Sequence[Any], change: dict[str, Any], session: ClientSession | None
) -> None:
    """The same change to all of them."""
    for piece in pieces(ids):
        collection.update_many({"_id": {"$in": piece}}, change, session=session)


def write(
    collection: Collection[dict[str, Any]], operations: Sequence[Any], session: ClientSession | None, *,
    ordered: bool = True,
) -> None:  # fmt: skip
    """Bulk writes, in their order where it is wanted."""
    for piece in pieces(operations):
        collection.bulk_write(piece, ordered=ordered, session=session)


def insert_unknown(collection: Collection[Document], session: ClientSession, docs: Sequence[Document]) -> None:
    """Insert those of `docs` whose ids are new to the collection."""
    for piece in pieces(docs):
        found = collection.find({"_id": {"$in": [doc["_id"] for doc in piece]}}, {"_id": 1}, session=session)
        known = {doc["_id"] for doc in found}
        if fresh := [doc for doc in piece if doc["_id"] not in known]:
            collection.insert_many(fresh, session=session)
