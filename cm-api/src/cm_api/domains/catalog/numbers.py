"""`sequence` and `version` of products over a repair: what others have read of them never goes back.

A rebuilt product has the numbers that its log gives. Where the live one had come further, or looked different under the
same number, the rebuilt one is raised above it, and remembers by how much: a later comparison takes that off again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cm_api.batch_result import Derived
from cm_api.domains.catalog.projection import to_rating_changed
from cm_api.domains.catalog.rating import Rating
from cm_api.domains.catalog.store import CatalogStore
from shop_core.events import catalog
from shop_core.kafka.partitions import partition_of
from shop_core.mongo.client import Document

NUMBERS = ("sequence", "version")


def keep_numbers(live: CatalogStore, fresh: CatalogStore, ids: Iterable[str], at: Mapping[int, int]) -> list[Derived]:
    """In the transaction of the swap, for those products that differ or were raised before. What other services have
    to be told, whom `at` says how far the log was read."""
    every = sorted(ids)
    had, has = live.numbered(every), fresh.numbered(every)
    told = []
    for id in [id for id in every if id in had and id in has]:
        numbers = raised(had[id], has[id])
        if numbers["raised"] != dict.fromkeys(NUMBERS, 0):
            fresh.raise_numbers(id, numbers)
        if had[id]["rating"] != has[id]["rating"]:
            told.append(to_derived(id, numbers["sequence"], Rating.of(has[id]["rating"]), at))
    return told


def raised(had: Document, has: Document) -> Document:
    """The numbers that the rebuilt product gets, and by how much they are more than its own."""
    look = [{name: value for name, value in doc.items() if name not in (*NUMBERS, "raised")} for doc in (had, has)]
    changed = {"sequence": had["rating"] != has["rating"], "version": look[0] != look[1]}
    before = had.get("raised", {})
    found = {name: max(has[name] + before.get(name, 0), had[name] + changed[name]) for name in NUMBERS}
    return found | {"raised": {name: found[name] - has[name] for name in NUMBERS}}


def to_derived(id: str, sequence: int, rating: Rating, at: Mapping[int, int]) -> Derived:
    """The rating as it is now, sent by whoever has the product's partition."""
    partition = partition_of(id, max(1, len(at)))
    receipt = f"{catalog.DOMAIN.topic}-{partition}-{max(0, at.get(partition, 0) - 1)}"
    data = to_rating_changed(id, sequence, rating)
    return Derived(catalog.RATINGS_TOPIC, catalog.RATING_CHANGED, id, sequence, data, receipt)
