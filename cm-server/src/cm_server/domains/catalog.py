"""The catalog in: products and reviews, parsed, published, answered; and its queries, passed on to cm-api."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, UnsetType

from cm_server.commands import command as commands
from cm_server.commands import identity
from cm_server.commands.command import Command
from cm_server.commands.identity import Identity
from cm_server.commands.prices import SentPrice, price_of
from cm_server.context import PREFIX, Context
from cm_server.operations import CURSOR, LIMIT, Parameter, command, path_segment, query
from cm_server.query_proxy.client import pass_on, segment
from cm_server.security.authentication import must_be_own
from cm_server.security.authors import unnamed
from cm_server.security.permissions import CUSTOMER, writes_own
from shop_core.errors import Faults, FieldFault, InvalidInput, MalformedRequest
from shop_core.events import catalog
from shop_core.events.catalog import DOMAIN, Description, ReviewText, Stars, Tags
from shop_core.events.fields import PastMoment, Text128
from shop_core.events.instants import Instant, to_plain
from shop_core.events.reading import Checked, decode_json
from shop_core.http.app import in_path
from shop_core.responses.catalog import Product, Products, Rating, Reviews, StoredReview

# As JSON, a text may be three times as long as it is (\\u00e9); what it holds is measured after decoding.
PRODUCT_BODY_LIMIT = 4 * catalog.PRODUCT_TEXT_BYTES
REVIEW_BODY_LIMIT = 4 * catalog.REVIEW_TEXT_BYTES
T = TypeVar("T", bound=Checked)


class ProductRequest(Checked, frozen=True, forbid_unknown_fields=True):
    """A product as it is to be; what is left out is empty."""

    EXAMPLE: ClassVar = {"name": "Brass lamp", "price": "49.90", "tags": ["light"]}
    name: Text128
    price: SentPrice
    description: Description = ""
    tags: Tags = msgspec.field(default_factory=list)


class ProductPatch(Checked, frozen=True, forbid_unknown_fields=True):
    """What of a product is to change; the fields left out stay."""

    EXAMPLE: ClassVar = {"price": "44.90"}
    name: Text128 | UnsetType = UNSET
    price: SentPrice | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


class ReviewRequest(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A review as its author sends it, shown under the display name or first and last name."""

    EXAMPLE: ClassVar = {"userid": "ada", "displayName": "Ada", "rating": 5, "text": "It is warm."}
    userid: Text128
    rating: Stars
    text: ReviewText = ""
    first_name: Text128 | None = None
    last_name: Text128 | None = None
    display_name: Text128 | None = None
    timestamp: PastMoment | None = None

    def across(self) -> None:
        catalog.check_shown(self)


ID = path_segment("id", "The product's id")
REVIEW_ID = path_segment("reviewId", "The review's id")
AUTHOR = Parameter(
    "userid", "query", "The author, who alone may take a review back", {"type": "string", "minLength": 1}
)
SORT = Parameter(
    "sort", "query", "The order; best rating, best rank and newest come first, a minus turns an order round",
    {"enum": ["name", "-name", "price", "-price", "rating", "-rating", "rank", "newest", "oldest"],
     "default": "newest"},
)  # fmt: skip
REVIEW_SORT = Parameter("sort", "query", "The order", {"enum": ["newest", "highest", "lowest"], "default": "newest"})
WORDS_ARG = Parameter(
    "q", "query", "Only products of which some word, of the name or a tag, begins with each of these, in any case and "
    "with or without accents; at most 8", {"type": "string"},
)  # fmt: skip
PREFIX_ARG = Parameter("prefix", "query", "Only products whose name starts with this, in any case", {"type": "string"})
TAG_ARG = Parameter("tag", "query", "Only products with this tag, as it is written there", {"type": "string"})
FIRST_REVIEWS = Parameter(
    "reviews", "query", "Show this many of the newest reviews as well", {"type": "integer", "minimum": 1, "maximum": 50}
)


OPERATIONS = (
    command("createProduct", "post", "/v1/products", "Put a product into the catalog", 201, (), ProductRequest),
    query("listProducts", "/v1/products", "Products, page by page", Products,
          (SORT, LIMIT, CURSOR, WORDS_ARG, PREFIX_ARG, TAG_ARG), (),
          about="Send `next` as `cursor`, with the same `sort`, `q`, `prefix` and `tag`, until it is null."),
    query("getProduct", "/v1/products/{id}", "A product with its ratings", Product, (ID, FIRST_REVIEWS)),
    command("replaceProduct", "put", "/v1/products/{id}", "Replace a product's fields", 200, (ID,), ProductRequest,
            about="What is left out is empty afterwards."),
    command("updateProduct", "patch", "/v1/products/{id}", "Change some of a product's fields", 200, (ID,),
            ProductPatch, about="What is left out stays as it is."),
    command("deleteProduct", "delete", "/v1/products/{id}", "Remove a product and its reviews", 204, (ID,)),
    query("getProductRating", "/v1/products/{id}/rating", "A product's ratings alone", Rating, (ID,)),
    command("createReview", "post", "/v1/products/{id}/reviews", "Review a product, once a user", 201, (ID,),
            ReviewRequest, CUSTOMER, "A second review by the same user is rejected (409)."),
    query("listReviews", "/v1/products/{id}/reviews", "A product's reviews", Reviews, (ID, REVIEW_SORT, LIMIT, CURSOR)),
    query("getReview", "/v1/products/{id}/reviews/{reviewId}", "One review", StoredReview, (ID, REVIEW_ID)),
    command("replaceReview", "put", "/v1/products/{id}/reviews/{reviewId}", "Change one's own review", 200,
            (ID, REVIEW_ID), ReviewRequest, CUSTOMER, "`userid` in the body is the author's."),
    command("deleteReview", "delete", "/v1/products/{id}/reviews/{reviewId}", "Take one's own review back", 204,
            (ID, REVIEW_ID, AUTHOR), access=writes_own("userid")),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("catalog", __name__, url_prefix=PREFIX)
    routes.register_error_handler(commands.Rejected, commands.rejected)
    _products(routes, context)
    _reviews(routes, context)
    for path in (operation.path for operation in OPERATIONS if operation.method == "get"):
        pass_on(routes, context.queries, path, partial(unnamed, path))
    return routes


def _products(routes: Blueprint, context: Context) -> None:
    @routes.post("/v1/products")
    def create_product() -> Response:
        known, sent = of_resource(), parse(ProductRequest, PRODUCT_BODY_LIMIT)
        return product_command(context, to_created(known.id, sent), 201, known, said(sent))

    @routes.put("/v1/products/<segment:id>")
    def replace_product(id: str) -> Response:
        known, sent = of_resource(), parse(ProductRequest, PRODUCT_BODY_LIMIT)
        data = catalog.ProductUpdated(in_path("id", id), sent.name, price_of(sent.price), sent.description, sent.tags)
        return product_command(context, data, 200, known, said(sent))

    @routes.patch("/v1/products/<segment:id>")
    def change_product(id: str) -> Response:
        known, sent = of_resource(), parse(ProductPatch, PRODUCT_BODY_LIMIT)
        data = to_updated(in_path("id", id), sent)
        return product_command(context, data, 200, known, said(sent))

    @routes.delete("/v1/products/<segment:id>")
    def delete_product(id: str) -> Response:
        return product_command(context, catalog.ProductDeleted(in_path("id", id)), 204, of_resource(), b"")


def _reviews(routes: Blueprint, context: Context) -> None:
    @routes.post("/v1/products/<segment:id>/reviews")
    def add_review(id: str) -> Response:
        key, sent = identity.sent_key(), parse(ReviewRequest, REVIEW_BODY_LIMIT, context.now())
        known = of_review(context, key, in_path("id", id), sent)
        data = to_review(catalog.ReviewAdded, id, known.id, sent, context.now())
        must_be_there(context, id)
        return review_command(context, data, 201, known, said(sent))

    @routes.put("/v1/products/<segment:id>/reviews/<segment:reviewId>")
    def change_review(id: str, reviewId: str) -> Response:
        key, sent = identity.sent_key(), parse(ReviewRequest, REVIEW_BODY_LIMIT, context.now())
        ids = in_path("id", id), in_path("reviewId", reviewId)
        data = to_review(catalog.ReviewUpdated, *ids, sent, context.now())
        return review_command(context, data, 200, of_user(key, sent.userid), said(sent))

    @routes.delete("/v1/products/<segment:id>/reviews/<segment:reviewId>")
    def delete_review(id: str, reviewId: str) -> Response:
        faults = Faults()
        for name, given in (("id", id), ("reviewId", reviewId)):
            faults.read(in_path, name, given)
        author = str(faults.read(author_asked_for))
        faults.settle(MalformedRequest)
        known = of_user(identity.sent_key(), author)
        return review_command(context, catalog.ReviewDeleted(id, reviewId, author), 204, known, b"")


def author_asked_for() -> str:
    if (author := request.args.get("userid")) is None:
        raise MalformedRequest(FieldFault("userid", "is required: only the author may take a review back"))
    return in_path("userid", author)


def must_be_there(context: Context, id: str) -> None:
    """Refuse a review of a product that is known not to be there; who waits is told by the consumer."""
    if commands.preferred_wait():
        return
    answer = context.questions.ask(f"/v1/products/{segment(id)}/missing")
    if answer is not None and msgspec.json.decode(answer)["missing"]:
        raise InvalidInput(FieldFault("id", f"product {id} is not in the catalog"))


def product_command(context: Context, data: Any, status: int, known: Identity, body: bytes) -> Response:
    id = data.productid
    return commands.send(context, Command(DOMAIN, data, id, known, id, body, status, f"/v1/products/{segment(id)}"))


def review_command(context: Context, data: Any, status: int, known: Identity, body: bytes) -> Response:
    id, reviewid = data.productid, data.reviewid
    location = f"/v1/products/{segment(id)}/reviews/{segment(reviewid)}"
    return commands.send(context, Command(DOMAIN, data, id, known, reviewid, body, status, location))


def of_resource() -> Identity:
    """What a product's command is known by: a product is nobody's, so its keys are those of its address."""
    return identity.identify(identity.sent_key(), DOMAIN.name, identity.resource())


def of_user(key: str | None, userid: str) -> Identity:
    return identity.identify(key, DOMAIN.name, userid)


def of_review(context: Context, key: str | None, productid: str, sent: ReviewRequest) -> Identity:
    """What a new review is known by: without a key, one that names its moment by what it says."""
    if key is not None or sent.timestamp is None or not context.deduplicate:
        return of_user(key, sent.userid)
    moment = sent.timestamp.plain()
    names = sent.first_name, sent.last_name, sent.display_name
    return identity.by_content(DOMAIN.name, said([productid, sent.userid, moment, sent.rating, sent.text, *names]))


def parse(struct: type[T], limit: int, now: datetime | None = None) -> T:
    """The request's body as `struct`; one that is longer than `limit` is refused (413)."""
    request.max_content_length = limit
    return decode_json(commands.body(), struct, now)


def said(sent: Any) -> bytes:
    return msgspec.json.encode(sent, enc_hook=to_plain)


def to_created(id: str, sent: ProductRequest) -> catalog.ProductCreated:
    return catalog.ProductCreated(id, sent.name, price_of(sent.price), sent.description, sent.tags)


def to_updated(id: str, sent: ProductPatch) -> catalog.ProductUpdated:
    """The change that a patch asks for; one that asks for none is refused."""
    if all(getattr(sent, field) is UNSET for field in sent.__struct_fields__):
        raise InvalidInput(FieldFault("body", "must name at least one field to change"))
    price = UNSET if sent.price is UNSET else price_of(sent.price)
    return catalog.ProductUpdated(id, sent.name, price, sent.description, sent.tags)


def to_review(
    event: type[catalog.Review], productid: str, reviewid: str, sent: ReviewRequest, now: datetime
) -> catalog.Review:
    must_be_own("userid", sent.userid)
    timestamp = sent.timestamp or Instant.of(now)
    names = sent.first_name, sent.last_name, sent.display_name
    return event(productid, reviewid, sent.userid, sent.rating, timestamp, sent.text, *names)
