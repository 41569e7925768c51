"""The catalog: products and what customers say of them. Key of the topic = product id, so a product's events and its
reviews' stay in order. The topic is kept for ever: the read models can be rebuilt from it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Domain
from shop_core.events.fields import Price, Text128, check_moment, check_price, check_text
from shop_core.events.people import USER_ERASED, UserErased

PRODUCT_CREATED = "shop.product.created.v1"
PRODUCT_UPDATED = "shop.product.updated.v1"
PRODUCT_DELETED = "shop.product.deleted.v1"
REVIEW_ADDED = "shop.review.added.v1"
REVIEW_UPDATED = "shop.review.updated.v1"
REVIEW_DELETED = "shop.review.deleted.v1"
RATING_CHANGED = "shop.rating.changed.v1"
RATINGS_TOPIC = "shop.ratings"
PRODUCT_TEXT_BYTES = 100 * 1024
REVIEW_TEXT_BYTES = 8 * 1024
MOST_TAGS = 20

Description = Annotated[str, msgspec.Meta(description="at most 100 KiB of UTF-8", examples=["A lamp of brass."])]
Tags = Annotated[list[Text128], msgspec.Meta(max_length=MOST_TAGS, description="at most 20")]
Stars = Annotated[int, msgspec.Meta(ge=1, le=5, description="1 to 5 stars")]
ReviewText = Annotated[str, msgspec.Meta(max_length=REVIEW_TEXT_BYTES, description="at most 8 KiB of UTF-8")]


class ProductCreated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product came into the catalog; its id is the event's."""

    productid: Text128
    name: Text128
    price: Price
    description: Description = ""
    tags: Tags = []

    def check(self) -> None:
        check_text("productid", self.productid)
        check_product(self)


class ProductUpdated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A product looks different: each field that is there has this value now, the others stay."""

    productid: Text128
    name: Text128 | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET

    def check(self) -> None:
        check_text("productid", self.productid)
        check_product(self)


class ProductDeleted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product left the catalog, and its reviews with it."""

    productid: Text128

    def check(self) -> None:
        check_text("productid", self.productid)


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What a customer says of a product, under the name to be shown."""

    productid: Text128
    reviewid: Text128
    userid: Text128
    rating: Stars
    timestamp: datetime
    text: ReviewText = ""
    first_name: Text128 | None = None
    last_name: Text128 | None = None
    display_name: Text128 | None = None

    def check(self) -> None:
        for field in ("productid", "reviewid", "userid"):
            check_text(field, getattr(self, field))
        check_moment("timestamp", self.timestamp)
        check_names(self.first_name, self.last_name, self.display_name)
        check_review_text(self.text)


class ReviewAdded(Review, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A customer reviewed a product; the review's id is the event's, `timestamp` the moment of the review."""


class ReviewUpdated(Review, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The author changed a review: the whole of it is as it says here, `timestamp` the moment of the change."""


class ReviewDeleted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The author took a review back."""

    productid: Text128
    reviewid: Text128
    userid: Text128

    def check(self) -> None:
        for field in ("productid", "reviewid", "userid"):
            check_text(field, getattr(self, field))


class RatingChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product's rating is this now. `sequence` counts its changes: a lower one is old news."""

    productid: Text128
    sequence: int
    count: int
    sum: int
    histogram: dict[str, int]
    average: float | None

    def check(self) -> None:
        check_text("productid", self.productid)


def check_product(data: ProductCreated | ProductUpdated) -> None:
    """The rules of a product's fields, those that are there."""
    if data.name is not UNSET:
        check_text("name", data.name)
    if data.price is not UNSET:
        check_price("price", data.price)
    if data.description is not UNSET:
        _check_bytes("description", data.description, PRODUCT_TEXT_BYTES, 413)
    if data.tags is not UNSET:
        for tag in data.tags:
            check_text("tags", tag)


def check_names(first: str | None, last: str | None, display: str | None) -> None:
    """A review is shown under a first name, with or without a last one, or under a display name."""
    for field, name in (("firstName", first), ("lastName", last), ("displayName", display)):
        if name is not None:
            check_text(field, name)
    if first is None and display is None:
        raise InvalidInput(FieldFault("firstName", "is required where there is no displayName"))


def check_review_text(text: str) -> None:
    _check_bytes("text", text, REVIEW_TEXT_BYTES, 422)


def _check_bytes(field: str, text: str, limit: int, status: int) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(FieldFault(field, "must be valid Unicode")) from None
    if size > limit:
        detail = f"must be at most {limit // 1024} KiB of UTF-8, has {size} bytes"
        raise InvalidInput(FieldFault(field, detail), status=status)


DOMAIN = Domain(
    "catalog",
    "shop.catalog",
    {
        PRODUCT_CREATED: ProductCreated,
        PRODUCT_UPDATED: ProductUpdated,
        PRODUCT_DELETED: ProductDeleted,
        REVIEW_ADDED: ReviewAdded,
        REVIEW_UPDATED: ReviewUpdated,
        REVIEW_DELETED: ReviewDeleted,
        USER_ERASED: UserErased,
    },
    derived={RATINGS_TOPIC: {RATING_CHANGED: RatingChanged}},
    topic_config={"retention.ms": "-1"},
)
