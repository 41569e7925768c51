"""From catalog events to read models, in the order of the log. Pure but for the store it is given.

Runs inside the consumer's transaction: ratings change by the difference between the review that the transaction read
and the one it writes, so whatever comes twice, late or at once leaves them equal to what the stored reviews give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128
from msgspec import UNSET

from cm_api.catalog.rating import Rating
from cm_api.catalog.shelf import Shelf, owner_of
from cm_api.catalog.store import CatalogStore
from cm_api.erasing import takes
from cm_api.once import each_once
from cm_api.order import order_key
from cm_api.outcome import Derived, Outcome, Refused
from shop_core.events import catalog
from shop_core.events.envelope import Event
from shop_core.events.instants import format_instant
from shop_core.mongo import Document

Handler = Callable[[Shelf, Event], None]


def apply(store: CatalogStore, events: Sequence[Event]) -> Outcome:
    """Apply what is new in order, leave known ids alone, refuse what breaks a rule."""
    known = store.applied([event.id for event in events])
    shelf = Shelf(*store.load(*wanted(events)))
    fresh, refused, duplicates = each_once(events, known, lambda event: HANDLERS[event.type](shelf, event))
    store.write(fresh, shelf.product_changes(), shelf.review_changes(), sorted(shelf.cleared))
    return Outcome(len(fresh), duplicates, refused, derived(shelf), changed(shelf))


def erase(store: CatalogStore, events: Sequence[Event]) -> Outcome:
    """The reviews of these users go, and their stars out of the ratings."""
    products, reviews = store.load((), (), (), sorted({event.data.userid for event in events}))
    shelf = Shelf(products, reviews)
    for event in events:
        for doc in shelf.reviews_by(event.data.userid):
            if takes(event, doc):
                shelf.remove_review(doc)
                if shelf.has_product(doc["productid"]):
                    rate(shelf, shelf.product(doc["productid"]), doc["rating"], None, event)
    store.write({}, shelf.product_changes(), shelf.review_changes(), ())
    return Outcome(len(events), 0, (), derived(shelf), changed(shelf))


def wanted(events: Sequence[Event]) -> tuple[list[str], list[str], list[str]]:
    """What the batch needs to know: ids of products, ids of reviews, and whose reviews of what."""
    reviews = [event.data for event in events if hasattr(event.data, "reviewid")]
    return (
        sorted({event.data.productid for event in events}),
        sorted({data.reviewid for data in reviews}),
        sorted({owner_of(data.productid, data.userid) for data in reviews}),
    )


def derived(shelf: Shelf) -> list[Derived]:
    """One event for each product whose rating changed: what it is after the batch."""
    return [
        Derived(
            catalog.RATINGS_TOPIC, catalog.RATING_CHANGED, id, sequence, to_rating_changed(id, sequence, rating), at
        )
        for id, (sequence, rating, at) in shelf.sequences.items()
    ]


def to_rating_changed(id: str, sequence: int, rating: Rating) -> catalog.RatingChanged:
    stored = rating.stored()
    return catalog.RatingChanged(id, sequence, rating.count, rating.sum, stored["histogram"], rating.average)


def changed(shelf: Shelf) -> frozenset[str]:
    """The products that look different now."""
    found = shelf.product_changes()
    return frozenset([*(doc["_id"] for doc in found.new), *found.updates, *found.gone])


def create(shelf: Shelf, event: Event) -> None:
    data: catalog.ProductCreated = event.data
    if shelf.has_product(data.productid):
        raise Refused(f"product {data.productid} is in the catalog already", 409)
    at = format_instant(event.time)
    doc: Document = {
        "_id": data.productid,
        "name": data.name,
        "description": data.description,
        "price": Decimal128(Decimal(data.price)),
        "tags": list(data.tags),
        "createdAt": at,
        "updatedAt": at,
        "rating": Rating().stored(),
        "sequence": 0,
        "version": 1,
    }
    doc["sort"] = {"newest": order_key(event.time.astimezone(UTC), data.productid)} | sort_keys(doc, Rating())
    shelf.put_product(doc)


def update(shelf: Shelf, event: Event) -> None:
    data: catalog.ProductUpdated = event.data
    doc = shelf.product(data.productid)
    for field in ("name", "description", "tags"):
        if (value := getattr(data, field)) is not UNSET:
            doc[field] = value
    if data.price is not UNSET:
        doc["price"] = Decimal128(Decimal(data.price))
    doc["updatedAt"] = format_instant(event.time)
    touch(doc)


def delete(shelf: Shelf, event: Event) -> None:
    doc = shelf.product(event.data.productid)
    if doc["rating"]["count"]:
        shelf.rated(doc, Rating(), event.receipt)
    shelf.remove_product(doc["_id"])


def add_review(shelf: Shelf, event: Event) -> None:
    data: catalog.ReviewAdded = event.data
    if not shelf.has_product(data.productid):  # as for whatever is new, what it belongs to is a part of it: 422
        raise Refused(f"product {data.productid} is not in the catalog")
    product = shelf.product(data.productid)
    if shelf.review_of(owner_of(data.productid, data.userid)) or shelf.review(data.reviewid):
        raise Refused(f"this user has reviewed product {data.productid} already", 409)
    moment = data.timestamp.astimezone(UTC)
    order = order_key(moment, data.reviewid)
    doc: Document = {
        "_id": data.reviewid,
        "productid": data.productid,
        "userid": data.userid,
        "owner": owner_of(data.productid, data.userid),
        "timestamp": format_instant(moment),
        "updatedAt": None,
        "sort": {"newest": order},
        "partition": event.place[0],
    }
    say(doc, data)
    shelf.put_review(doc)
    rate(shelf, product, None, data.rating, event)


def update_review(shelf: Shelf, event: Event) -> None:
    data: catalog.ReviewUpdated = event.data
    product = shelf.product(data.productid)
    doc = dict(own_review(shelf, data))
    before = doc["rating"]
    say(doc, data)
    doc["updatedAt"] = format_instant(data.timestamp.astimezone(UTC))
    shelf.put_review(doc)
    rate(shelf, product, before, data.rating, event)


def delete_review(shelf: Shelf, event: Event) -> None:
    data: catalog.ReviewDeleted = event.data
    product = shelf.product(data.productid)
    doc = own_review(shelf, data)
    shelf.remove_review(doc)
    rate(shelf, product, doc["rating"], None, event)


def own_review(shelf: Shelf, data: catalog.ReviewUpdated | catalog.ReviewDeleted) -> Document:
    """The review that `data` is about, if it is of this product and by this author."""
    doc = shelf.review(data.reviewid)
    if doc is None or doc["productid"] != data.productid:
        raise Refused(f"review {data.reviewid} is not a review of product {data.productid}", 404)
    if doc["userid"] != data.userid:
        raise Refused(f"review {data.reviewid} is another user's: only its author may change it")
    return doc


def say(doc: Document, data: Any) -> None:
    """What the author says, and the keys that sort by it."""
    doc |= {
        "rating": data.rating,
        "text": data.text,
        "firstName": data.first_name,
        "lastName": data.last_name,
        "displayName": data.display_name,
    }
    newest = doc["sort"]["newest"]
    doc["sort"] = {"newest": newest, "rating": f"{data.rating}-{newest}"}


def rate(shelf: Shelf, product: Document, old: int | None, new: int | None, event: Event) -> None:
    if old == new:
        return
    shelf.rated(product, Rating.of(product["rating"]).changed(old, new), event.receipt)
    touch(product)


def touch(product: Document) -> None:
    """The product looks different: count that, and sort it anew."""
    product["version"] += 1
    product["sort"] = product["sort"] | sort_keys(product, Rating.of(product["rating"]))


def sort_keys(doc: Document, rating: Rating) -> dict[str, str]:
    """Strings that sort as name, price, average and rank do; the id makes each of them unique."""
    id = doc["_id"]
    return {
        "name": f"{doc['name'].casefold()}\x1f{id}",
        "price": f"{int(doc['price'].to_decimal() * 100):014d}-{id}",
        "rating": f"{rating.hundredths or 0:03d}-{id}",
        "rank": f"{rating.rank:07d}-{id}",
    }


HANDLERS: Mapping[str, Handler] = {
    catalog.PRODUCT_CREATED: create,
    catalog.PRODUCT_UPDATED: update,
    catalog.PRODUCT_DELETED: delete,
    catalog.REVIEW_ADDED: add_review,
    catalog.REVIEW_UPDATED: update_review,
    catalog.REVIEW_DELETED: delete_review,
}
