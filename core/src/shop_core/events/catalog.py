"""The catalog: products and what customers say of them. Key of the topic = product id, so a product's events and its
reviews' stay in order. The topic is kept for ever: the read models can be rebuilt from it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.errors import FieldFault, InvalidInput, TooLarge
from shop_core.events.envelope import Domain
from shop_core.events.fields import PastMoment, Price, Rule, Text128
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.events.reading import Checked

PRODUCT_CREATED = "shop.product.created.v1"
PRODUCT_UPDATED = "shop.product.updated.v1"
PRODUCT_DELETED = "shop.product.deleted.v1"
REVIEW_ADDED = "shop.review.added.v1"
REVIEW_UPDATED = "shop.review.updated.v1"
REVIEW_DELETED = "shop.review.deleted.v1"
RATING_CHANGED = "shop.rating.changed.v1"
RATINGS_TOPIC = "shop.ratings"
PRODUCT_TEXT_BYTES = 256 * 1024
REVIEW_TEXT_BYTES = 64 * 1024
MOST_TAGS = 20


def check_bytes(field: str, text: str, limit: int, error: type[InvalidInput] = InvalidInput) -> None:
    """A long text has any lines and characters, but not too many of them."""
    if (size := len(text.encode())) > limit:
        detail = f"must be at most {limit // 1024} KiB of UTF-8, has {size} bytes"
        raise error(FieldFault(field, detail))


Description = Annotated[
    str,
    msgspec.Meta(description="at most 256 KiB of UTF-8", examples=["A lamp of brass."]),
    Rule(partial(check_bytes, limit=PRODUCT_TEXT_BYTES, error=TooLarge)),
]
Tags = Annotated[list[Text128], msgspec.Meta(max_length=MOST_TAGS, description="at most 20")]
Stars = Annotated[int, msgspec.Meta(ge=1, le=5, description="1 to 5 stars")]
ReviewText = Annotated[
    str,
    msgspec.Meta(max_length=REVIEW_TEXT_BYTES, description="at most 64 KiB of UTF-8"),
    Rule(partial(check_bytes, limit=REVIEW_TEXT_BYTES)),
]


class ProductCreated(Checked, frozen=True, forbid_unknown_fields=True):
    """A product came into the catalog; its id is the event's."""

    productid: Text128
    name: Text128
    price: Price
    description: Description = ""
    tags: Tags = msgspec.field(default_factory=list)


class ProductUpdated(Checked, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A product looks different: each field that is there has this value now, the others stay."""

    productid: Text128
    name: Text128 | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


class ProductDeleted(Checked, frozen=True, forbid_unknown_fields=True):
    """A product left the catalog, and its reviews with it."""

    productid: Text128


class Review(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What a customer says of a product, under the name to be shown."""

    productid: Text128
    reviewid: Text128
    userid: Text128
    rating: Stars
    timestamp: PastMoment
    text: ReviewText = ""
    first_name: Text128 | None = None
    last_name: Text128 | None = None
    display_name: Text128 | None = None

    def across(self) -> None:
        check_shown(self)


class ReviewAdded(Review, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A customer reviewed a product; the review's id is the event's, `timestamp` the moment of the review."""


class ReviewUpdated(Review, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The author changed a review: the whole of it is as it says here, `timestamp` the moment of the change."""


class ReviewDeleted(Checked, frozen=True, forbid_unknown_fields=True):
    """The author took a review back."""

    productid: Text128
    reviewid: Text128
    userid: Text128


class RatingChanged(Checked, frozen=True, forbid_unknown_fields=True):
    """A product's rating is this now. `sequence` counts its changes: a lower one is old news."""

    productid: Text128
    sequence: int
    count: int
    sum: int
    histogram: dict[str, int]
    average: float | None


def check_shown(data: Any) -> None:
    """A review is shown under a first name, with or without a last one, or under a display name."""
    if data.first_name is None and data.display_name is None:
        raise InvalidInput(FieldFault("firstName", "is required where there is no displayName"))


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
    keyed_by="productid",
)
