"""A batch's working copy of the catalog: what the batch touches, as the transaction read it and as it is to become.

Events change the copy in the order of the log; what goes to the database is the difference between the two.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cm_api.batch_result import Refused
from cm_api.domains.catalog.rating import Rating
from shop_core.mongo.client import Document


@dataclass(frozen=True)
class Changes:
    """What one batch makes of one collection: whole new documents, updates by id, and ids that are gone."""

    new: list[Document] = field(default_factory=list)
    updates: dict[str, Document] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def owner_of(productid: str, userid: str) -> str:
    """What is unique of a review: one a product and user. The separator is in no valid id."""
    return f"{productid}\x1f{userid}"


class CatalogWorkingSet:
    """Products and reviews by id, None where there is none."""

    def __init__(self, products: Iterable[Document], reviews: Iterable[Document]) -> None:
        self._products_before = {doc["_id"]: doc for doc in products}
        self._reviews_before = {doc["_id"]: doc for doc in reviews}
        self._products: dict[str, Document | None] = {k: copy.deepcopy(v) for k, v in self._products_before.items()}
        self._reviews: dict[str, Document | None] = {k: dict(v) for k, v in self._reviews_before.items()}
        self._owners = {doc["owner"]: doc["_id"] for doc in self._reviews_before.values()}
        self.cleared: set[str] = set()
        self.sequences: dict[str, tuple[int, Rating, str]] = {}

    def product(self, id: str) -> Document:
        found = self._products.get(id)
        if found is None:
            raise Refused(f"product {id} is not in the catalog", "not_found")
        return found

    def has_product(self, id: str) -> bool:
        return self._products.get(id) is not None

    def put_product(self, doc: Document) -> None:
        self._products[doc["_id"]] = doc

    def remove_product(self, id: str) -> None:
        """The product and every review of it, also those that this batch never saw."""
        self._products[id] = None
        self.cleared.add(id)
        for review in [doc for doc in self._reviews.values() if doc and doc["productid"] == id]:
            self.remove_review(review)

    def review(self, id: str) -> Document | None:
        return self._reviews.get(id)

    def review_of(self, owner: str) -> Document | None:
        id = self._owners.get(owner)
        return None if id is None else self._reviews.get(id)

    def reviews_by(self, userid: str) -> list[Document]:
        return [doc for doc in self._reviews.values() if doc is not None and doc["userid"] == userid]

    def put_review(self, doc: Document) -> None:
        self._reviews[doc["_id"]] = doc
        self._owners[doc["owner"]] = doc["_id"]

    def remove_review(self, doc: Document) -> None:
        self._reviews[doc["_id"]] = None
        self._owners.pop(doc["owner"], None)

    def rated(self, product: Document, rating: Rating, receipt: str) -> None:
        """Note that `product` has another rating; the last one of a batch is what other services are told."""
        product["sequence"] += 1
        product["rating"] = rating.stored()
        self.sequences[product["_id"]] = (product["sequence"], rating, receipt)

    def product_changes(self) -> Changes:
        return _changes(self._products_before, self._products)

    def review_changes(self) -> Changes:
        """Those that go with their products are no changes of their own, and what comes after them is new."""
        kept = {id: doc for id, doc in self._reviews_before.items() if doc["productid"] not in self.cleared}
        return _changes(kept, self._reviews)


def _changes(before: Mapping[str, Document], after: Mapping[str, Document | None]) -> Changes:
    found = Changes()
    for id, doc in after.items():
        was = before.get(id)
        if doc is None:
            if was is not None:
                found.gone.append(id)
        elif was is None:
            found.new.append(doc)
        elif was.get("owner") != doc.get("owner"):
            # The id of a review taken back, used again for another: the old one makes room first.
            found.gone.append(id)
            found.new.append(doc)
        elif update := _update(was, doc):
            found.updates[id] = update
    return found


def _update(was: Document, now: Document) -> Document:
    """The update that turns `was` into `now`; a product's rating by what is to be added to it."""
    fields = {name: value for name, value in now.items() if name != "rating" or not isinstance(value, dict)}
    update = {"$set": {name: value for name, value in fields.items() if value != was.get(name)}}
    if isinstance(now.get("rating"), dict):
        update["$inc"] = Rating.of(now["rating"]).difference(Rating.of(was["rating"]))
    return {operator: change for operator, change in update.items() if change}
