"""Queries over the catalog: translate the request, ask cache or store, shape the answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from cm_api.contract import Exported
from cm_api.domains.catalog.cache import cached_product
from cm_api.domains.catalog.presenters import to_rating, to_review, to_summary
from cm_api.domains.catalog.store import DOMAIN, REVIEW_SORTS, SORTS, CatalogStore
from cm_api.domains.catalog.words import MOST_ASKED, words_of
from cm_api.http import paging
from cm_api.http.context import Context
from shop_core.errors import FieldFault, MalformedRequest
from shop_core.events import catalog
from shop_core.events.fields import check_text
from shop_core.http import query_args
from shop_core.http.app import conditional, in_path, json_answer
from shop_core.http.problems import problem
from shop_core.mongo.client import Document
from shop_core.mongo.generations import Generations
from shop_core.responses.catalog import Product, Products, Reviews, StoredReview

MOST_FIRST_REVIEWS = 50
EXPORT_REVIEWS = 100
PAGE_TEXTS = 1024 * 1024  # characters of a page's texts: what has no room comes on the next one


def blueprint(context: Context) -> Blueprint:
    """/v1/products, a product, its rating, its reviews, and one of them."""
    routes = Blueprint("catalog", __name__)

    @routes.get("/v1/products")
    def product_list() -> Response:
        return conditional(product_page(context))

    @routes.get("/v1/products/<segment:productid>")
    def product(productid: str) -> Response:
        first, _ = paging.read(
            ("reviews", "after"),
            partial(query_args.whole_arg, "reviews", 1, MOST_FIRST_REVIEWS),
            partial(in_path, "id", productid),
        )
        found = find_product(context, productid)
        if found and first:
            found.reviews = review_page(context, productid, "newest", None, first)
        return conditional(found) if found else no_product()

    @routes.get("/v1/products/<segment:productid>/missing")
    def missing(productid: str) -> Response:
        """For cm-server: that a product is not there, and was not on its way either when this was asked."""
        store = CatalogStore(context.db)  # of the generation that is live now: a product of an older one may be gone
        gone = store.product(in_path("id", productid)) is None and context.caught_up(catalog.DOMAIN)
        return json_answer({"missing": gone and store.product(productid) is None})

    @routes.get("/v1/products/<segment:productid>/rating")
    def product_rating(productid: str) -> Response:
        paging.read(("after",), partial(in_path, "id", productid))
        found = find_product(context, productid)
        return conditional(to_rating(found)) if found else no_product()

    @routes.get("/v1/products/<segment:productid>/reviews")
    def review_list(productid: str) -> Response:
        (sort, cursor), limit, _ = paging.read(
            ("sort", "limit", "cursor", "after"),
            partial(sort_and_cursor, REVIEW_SORTS),
            query_args.limit_arg,
            partial(in_path, "id", productid),
        )
        if find_product(context, productid) is None:
            return no_product()
        return conditional(review_page(context, productid, sort, cursor, limit))

    @routes.get("/v1/products/<segment:productid>/reviews/<segment:reviewid>")
    def review(productid: str, reviewid: str) -> Response:
        paging.read(("after",), partial(in_path, "id", productid), partial(in_path, "reviewId", reviewid))
        found = find_review(context, productid, reviewid)
        return conditional(found) if found else problem(404, "This product has no such review.")

    return routes


def store_of(context: Context) -> CatalogStore:
    """The store of the live generation, which changes when a rebuild is swapped in."""
    current = Generations(context.db).current
    return CatalogStore(context.db, generation=context.cache.get(("generation", DOMAIN), lambda: current(DOMAIN)))


def no_product() -> Response:
    return problem(404, "The catalog has no such product.")


def find_product(context: Context, productid: str) -> Product | None:
    """A product of its own, which the caller may add to; not older than `?after=`."""
    context.await_after()
    return cached_product(context, store_of(context), productid, newest="after" in request.args)


def product_page(context: Context) -> Products:
    """One page of the list, and the cursor of the next one."""
    (sort, cursor), limit, prefix, tag, words = paging.read(
        ("sort", "limit", "cursor", "q", "prefix", "tag", "after"),
        partial(sort_and_cursor, SORTS),
        query_args.limit_arg,
        prefix_arg,
        tag_arg,
        words_arg,
    )
    context.await_after()
    store = store_of(context)
    key = ("products", store.generation, sort, cursor, prefix, limit, tag, words)
    found = context.cache.get(key, lambda: store.page(sort, cursor, prefix, limit + 1, tag, words))
    return Products([to_summary(doc) for doc in found[:limit]], next_cursor(found, limit, sort, SORTS))


def review_page(context: Context, productid: str, sort: str, cursor: str | None, limit: int) -> Reviews:
    """One page of a product's reviews, each with whether its author bought the product."""
    store = store_of(context)

    def load() -> tuple[list[Document], set[str]]:
        docs = store.reviews(productid, sort, cursor, limit + 1)
        return docs, store.buyers(productid, [doc["userid"] for doc in docs]) if docs else set()

    found, buyers = context.cache.get(("reviews", store.generation, productid, sort, cursor, limit), load)
    page = fitting(found[:limit])
    return Reviews([to_review(doc, buyers) for doc in page], next_cursor(found, len(page), sort, REVIEW_SORTS))


def find_review(context: Context, productid: str, reviewid: str) -> StoredReview | None:
    context.await_after()
    store = store_of(context)
    doc = context.cache.get(("review", store.generation, reviewid), lambda: store.review(reviewid))
    if doc is None or doc["productid"] != productid:
        return None
    return to_review(doc, store.buyers(productid, [doc["userid"]]))


def sort_and_cursor(sorts: Iterable[str]) -> tuple[str, str | None]:
    """The order, and the key after which the page starts; a cursor of another order is refused."""
    sort = query_args.choice_arg("sort", sorts, "newest")
    text = paging.cursor_arg(lambda text: text.startswith(f"{sort} "))
    return sort, None if text is None else text.removeprefix(f"{sort} ")


def prefix_arg() -> str:
    """The beginning of a name, which may be empty; in any case."""
    text = request.args.get("prefix", "")
    return check_text("prefix", text, error=MalformedRequest).casefold() if text else ""


def tag_arg() -> str:
    """A tag as the product has it, "" for none."""
    text = request.args.get("tag", "")
    return check_text("tag", text, error=MalformedRequest) if text else ""


def words_arg() -> tuple[str, ...]:
    """What is searched for, word by word; none where nothing is."""
    text = request.args.get("q", "")
    words = words_of([check_text("q", text, error=MalformedRequest)]) if text else []
    if text and not 0 < len(words) <= MOST_ASKED:
        raise MalformedRequest(FieldFault("q", f"must have 1 to {MOST_ASKED} words of letters or digits"))
    return tuple(words)


def fitting(reviews: list[Document]) -> list[Document]:
    """The first of these whose texts have room on a page, one at least."""
    room = PAGE_TEXTS
    for number, doc in enumerate(reviews):
        room -= len(doc["text"])
        if room < 0 and number:
            return reviews[:number]
    return reviews


def next_cursor(found: list[Document], limit: int, sort: str, sorts: Any) -> str | None:
    """The cursor after the last shown document, null when there is none beyond it."""
    if len(found) <= limit:
        return None
    return paging.encode_cursor(f"{sort} {found[limit - 1]['sort'][sorts[sort][0].removeprefix('sort.')]}")


def export(context: Context, userid: str, cursor: str | None) -> Exported:
    """What is kept of a user here. Texts are long, so a page has few of them."""
    store = store_of(context)
    found = store.reviews_by(userid, cursor, EXPORT_REVIEWS + 1)
    page = fitting(found[:EXPORT_REVIEWS])
    more = len(found) > len(page)
    bought = store.bought(userid, [doc["productid"] for doc in page])
    reviews = [to_review(doc, [userid] if doc["productid"] in bought else ()) for doc in page]
    return Exported({"reviews": reviews}, page[-1]["sort"]["newest"] if more else None)
