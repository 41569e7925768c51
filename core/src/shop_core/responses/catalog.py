"""What the catalog queries answer."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.events.fields import Price


class Rating(msgspec.Struct, rename="camel"):
    """A product's ratings: the average to two decimals (null without reviews), and how many gave 1 to 5 stars.

    `rank` is the average with ten reviews of three stars on top, to sort by; `sequence` counts the changes.
    """

    productid: str
    average_rating: float | None
    review_count: int
    histogram: dict[str, int]
    rank: float
    sequence: int


class ProductSummary(msgspec.Struct, rename="camel"):
    """A product as lists show it; its description is on its own page."""

    id: str
    name: str
    price: Price
    tags: list[str]
    created_at: str
    updated_at: str
    average_rating: float | None
    review_count: int
    histogram: dict[str, int]
    rank: float


class Products(msgspec.Struct):
    """A page of products; `next` is the cursor of the next page, null on the last."""

    products: list[ProductSummary]
    next: str | None


class StoredReview(msgspec.Struct, rename="camel", kw_only=True):
    """A review; `verifiedPurchase` where its author has a purchase that names the product.

    `userid`, `firstName` and `lastName` are told to the author, whose review it is (`mine`), and to who may read any
    purchases; others know authors by their display names.
    """

    id: str
    productid: str
    userid: str | UnsetType = UNSET
    mine: bool | UnsetType = UNSET
    rating: int
    text: str
    display_name: str
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    verified_purchase: bool
    timestamp: str
    updated_at: str | None


class Reviews(msgspec.Struct):
    """A page of reviews; `next` is the cursor of the next page, null on the last."""

    reviews: list[StoredReview]
    next: str | None


class Product(msgspec.Struct, rename="camel"):
    """A product with its ratings and, where they are asked for, its newest reviews."""

    id: str
    name: str
    description: str
    price: Price
    tags: list[str]
    created_at: str
    updated_at: str
    average_rating: float | None
    review_count: int
    histogram: dict[str, int]
    rank: float
    sequence: int
    version: int
    reviews: Reviews | UnsetType = UNSET
