"""What the log of the catalog says there has to be, and each product's rating once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec import UNSET

from cm_api.audit import Audit, Finding, Recounted
from cm_api.domains.catalog.projection import sort_keys
from cm_api.domains.catalog.rating import Rating
from cm_api.domains.catalog.store import DOMAIN, CatalogStore
from cm_api.notebook import Field, Fields, Notebook
from shop_core.events import catalog
from shop_core.events.envelope import Event
from shop_core.mongo.client import ClientSession, Database, Document
from shop_core.mongo.generations import Generations

PRODUCT, REVIEW = "product", "review"
PRODUCTS = 200  # of one piece of a recount
_OF_PRODUCTS = ("name", "price", "description", "tags")
_OF_REVIEWS = {
    "productid": "productid", "userid": "userid", "rating": "rating", "text": "text", "firstName": "first_name",
    "lastName": "last_name", "displayName": "display_name",
}  # fmt: skip


def live(db: Database[Document], session: ClientSession | None) -> CatalogStore:
    """Of the live generation; a rebuild holds nobody up who only reads."""
    return CatalogStore(db, session, Generations(db).current(DOMAIN, session))


def fold(book: Notebook, event: Event) -> None:
    data = event.data
    match event.type:
        case catalog.PRODUCT_CREATED:
            book.put(PRODUCT, data.productid, _said(data))
        case catalog.PRODUCT_UPDATED:
            book.change(PRODUCT, data.productid, _said(data))
        case catalog.PRODUCT_DELETED:
            book.drop(PRODUCT, data.productid)
        case catalog.REVIEW_ADDED:
            told = _review(data)
            book.put(REVIEW, data.reviewid, told, parent=data.productid, owner=data.userid, partition=event.place[0])
        case catalog.REVIEW_UPDATED:
            book.change(REVIEW, data.reviewid, _review(data))
        case catalog.REVIEW_DELETED:
            book.drop(REVIEW, data.reviewid)


def shown(store: CatalogStore, kind: str, ids: Sequence[str]) -> dict[str, Fields]:
    if kind == PRODUCT:
        return {doc["_id"]: {name: _value(doc[name]) for name in _OF_PRODUCTS} for doc in store.products(ids)}
    return {doc["_id"]: {name: doc[name] for name in _OF_REVIEWS} for doc in store.some_reviews(ids)}


def every(store: CatalogStore, kind: str) -> Iterator[str]:
    return (doc["_id"] for doc in store.every("products" if kind == PRODUCT else "reviews", {"_id": 1}))


def recount(store: CatalogStore, after: str) -> Recounted:
    products = store.products_after(after, PRODUCTS)
    last = products[-1]["_id"] if len(products) == PRODUCTS else None
    found = faults(products, store.reviews_between(after, last))
    return Recounted([Finding("wrong", line) for line in found], len(products), last)


def faults(products: Iterable[Document], reviews: Iterable[Document]) -> list[str]:
    """A line for each thing of these products that is not as their reviews have it."""
    counted: dict[str, Rating] = defaultdict(Rating)
    owners: set[str] = set()
    found: list[str] = []
    for doc in reviews:
        counted[doc["productid"]] = counted[doc["productid"]].changed(None, doc["rating"])
        if doc["owner"] in owners:
            found.append(f"review {doc['_id']}: a second one of product {doc['productid']} by user {doc['userid']}")
        owners.add(doc["owner"])
    for doc in products:
        recounted = counted.pop(doc["_id"], Rating())
        if doc["rating"] != recounted.stored():
            found.append(f"product {doc['_id']}: stored {doc['rating']}, recounted {recounted.stored()}")
        elif not sort_keys(doc, recounted).items() <= doc["sort"].items():
            found.append(f"product {doc['_id']}: sorts by another rating than it has")
    return found + [f"product {id}: {rating.count} reviews, but no product" for id, rating in counted.items()]


def _said(data: catalog.ProductCreated | catalog.ProductUpdated) -> Fields:
    said = {name: value for name in _OF_PRODUCTS if (value := getattr(data, name)) is not UNSET}
    return {name: str(Decimal(value)) if name == "price" else _value(value) for name, value in said.items()}


def _review(data: catalog.Review) -> Fields:
    return {name: getattr(data, field) for name, field in _OF_REVIEWS.items()}


def _value(value: object) -> Field:
    """Tags as one text."""
    return "\x1f".join(value) if isinstance(value, list) else str(value)


AUDIT: Audit[CatalogStore] = Audit(
    store=live, fold=fold, kinds=(PRODUCT, REVIEW), shown=shown, every=every, recount=recount
)  # fmt: skip
