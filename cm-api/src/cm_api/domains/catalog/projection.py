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

from cm_api.batch_result import Derived, Outcome, Refused
from cm_api.deduplication import each_once
from cm_api.domains.catalog.rating import Rating
from cm_api.domains.catalog.store import CatalogStore
from cm_api.domains.catalog.words import words_of_product
from cm_api.domains.catalog.working_set import CatalogWorkingSet, owner_of
from cm_api.erasure import takes
from cm_api.sort_keys import order_key
from shop_core.events import catalog
from shop_core.events.envelope import Event
from shop_core.events.instants import format_instant
from shop_core.mongo.client import Document

Handler = Callable[[CatalogWorkingSet, Event], None]


def apply(store: CatalogStore, events: Sequence[Event]) -> Outcome:
    """Apply what is new in order, leave known ids alone, refuse what breaks a rule."""
    known = store.applied([event.id for event in events])
    working_set = CatalogWorkingSet(*store.load(*wanted(events)))
    fresh, refused, repeated = each_once(events, known, lambda event: HANDLERS[event.type](working_set, event))
    store.write(fresh, working_set.product_changes(), working_set.review_changes(), sorted(working_set.cleared))
    return Outcome(len(fresh), repeated, refused, derived(working_set), changed(working_set))


def erase(store: CatalogStore, events: Sequence[Event]) -> Outcome:
    """The reviews of these users go, and their stars out of the ratings."""
    products, reviews = store.load((), (), (), sorted({event.data.userid for event in events}))
    working_set = CatalogWorkingSet(products, reviews)
    for event in events:
        for doc in working_set.reviews_by(event.data.userid):
            if takes(event, doc):
                working_set.remove_review(doc)
                if working_set.has_product(doc["productid"]):
                    rate(working_set, working_set.product(doc["productid"]), doc["rating"], None, event)
    store.write({}, working_set.product_changes(), working_set.review_changes(), ())
    return Outcome(len(events), (), (), derived(working_set), changed(working_set))


def wanted(events: Sequence[Event]) -> tuple[list[str], list[str], list[str]]:
    """What the batch needs to know: ids of products, ids of reviews, and whose reviews of what."""
    reviews = [event.data for event in events if hasattr(event.data, "reviewid")]
    return (
        sorted({event.data.productid for event in events}),
        sorted({data.reviewid for data in reviews}),
        sorted({owner_of(data.productid, data.userid) for data in reviews}),
    )


def derived(working_set: CatalogWorkingSet) -> list[Derived]:
    """One event for each product whose rating changed: what it is after the batch."""
    return [
        Derived(
            catalog.RATINGS_TOPIC, catalog.RATING_CHANGED, id, sequence, to_rating_changed(id, sequence, rating), at
        )
        for id, (sequence, rating, at) in working_set.sequences.items()
    ]


def to_rating_changed(id: str, sequence: int, rating: Rating) -> catalog.RatingChanged:
    stored = rating.stored()
    return catalog.RatingChanged(id, sequence, rating.count, rating.sum, stored["histogram"], rating.average)


def changed(working_set: CatalogWorkingSet) -> frozenset[str]:
    """The products that look different now."""
    found = working_set.product_changes()
    return frozenset([*(doc["_id"] for doc in found.new), *found.updates, *found.gone])


def create(working_set: CatalogWorkingSet, event: Event) -> None:
    data: catalog.ProductCreated = event.data
    if working_set.has_product(data.productid):
        raise Refused(f"product {data.productid} is in the catalog already", "conflict")
    at = format_instant(event.time)
    doc: Document = {
        "_id": data.productid,
        "name": data.name,
        "description": data.description,
        "price": Decimal128(Decimal(data.price)),
        "tags": list(data.tags),
        "words": words_of_product(data.name, data.tags),
        "createdAt": at,
        "updatedAt": at,
        "rating": Rating().stored(),
        "sequence": 0,
        "version": 1,
    }
    doc["sort"] = {"newest": order_key(event.time.astimezone(UTC), data.productid)} | sort_keys(doc, Rating())
    working_set.put_product(doc)


def update(working_set: CatalogWorkingSet, event: Event) -> None:
    data: catalog.ProductUpdated = event.data
    doc = working_set.product(data.productid)
    for field in ("name", "description", "tags"):
        if (value := getattr(data, field)) is not UNSET:
            doc[field] = value
    if data.price is not UNSET:
        doc["price"] = Decimal128(Decimal(data.price))
    doc["updatedAt"] = format_instant(event.time)
    touch(doc)


def delete(working_set: CatalogWorkingSet, event: Event) -> None:
    doc = working_set.product(event.data.productid)
    if doc["rating"]["count"]:
        working_set.rated(doc, Rating(), event.receipt)
    working_set.remove_product(doc["_id"])


def add_review(working_set: CatalogWorkingSet, event: Event) -> None:
    data: catalog.ReviewAdded = event.data
    if not working_set.has_product(data.productid):  # as for whatever is new, what it belongs to is a part of it: 422
        raise Refused(f"product {data.productid} is not in the catalog")
    product = working_set.product(data.productid)
    if working_set.review_of(owner_of(data.productid, data.userid)) or working_set.review(data.reviewid):
        raise Refused(f"this user has reviewed product {data.productid} already", "conflict")
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
    working_set.put_review(doc)
    rate(working_set, product, None, data.rating, event)


def update_review(working_set: CatalogWorkingSet, event: Event) -> None:
    data: catalog.ReviewUpdated = event.data
    product = working_set.product(data.productid)
    doc = dict(own_review(working_set, data))
    before = doc["rating"]
    say(doc, data)
    doc["updatedAt"] = format_instant(data.timestamp.astimezone(UTC))
    working_set.put_review(doc)
    rate(working_set, product, before, data.rating, event)


def delete_review(working_set: CatalogWorkingSet, event: Event) -> None:
    data: catalog.ReviewDeleted = event.data
    product = working_set.product(data.productid)
    doc = own_review(working_set, data)
    working_set.remove_review(doc)
    rate(working_set, product, doc["rating"], None, event)


def own_review(working_set: CatalogWorkingSet, data: catalog.ReviewUpdated | catalog.ReviewDeleted) -> Document:
    """The review that `data` is about, if it is of this product and by this author."""
    doc = working_set.review(data.reviewid)
    if doc is None or doc["productid"] != data.productid:
        raise Refused(f"review {data.reviewid} is not a review of product {data.productid}", "not_found")
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


def rate(working_set: CatalogWorkingSet, product: Document, old: int | None, new: int | None, event: Event) -> None:
    if old == new:
        return
    working_set.rated(product, Rating.of(product["rating"]).changed(old, new), event.receipt)
    touch(product)


def touch(product: Document) -> None:
    """The product looks different: count that, and sort it and have it found anew."""
    product["version"] += 1
    product["words"] = words_of_product(product["name"], product["tags"])
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
