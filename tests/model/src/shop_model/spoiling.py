"""A hand in the database: what a repair has to put right without a loss, and without turning back what others read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SPOILED = 3  # products of which the stars are wrong


def spoil(db: Any, products: Sequence[str]) -> list[str]:
    """Takes every other review away, and gives some products stars that nobody gave; the ids of those."""
    live = (db["generations"].find_one({"_id": "catalog"}) or {"current": 0})["current"]
    shelf, reviews = (db[name if live == 0 else f"{name}_g{live}"] for name in ("products", "reviews"))
    known = [doc["_id"] for doc in shelf.find({"_id": {"$in": list(products)}}).sort("_id")][:SPOILED]
    for doc in list(reviews.find({"productid": {"$in": list(products)}}).sort("_id"))[::2]:
        reviews.delete_one({"_id": doc["_id"]})
    for id in known:
        shelf.update_one({"_id": id}, {"$inc": {"rating.count": 1, "rating.sum": 5, "rating.histogram.5": 1}})
    return known
