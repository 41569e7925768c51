"""Stored documents as the API shows them."""

from __future__ import annotations

from collections.abc import Container

from cm_api.domains.catalog.rating import RANK_SCALE
from cm_api.domains.catalog.rating import Rating as Stars
from shop_core.mongo.client import Document
from shop_core.responses.catalog import Product, ProductSummary, Rating, StoredReview


def to_summary(doc: Document) -> ProductSummary:
    stars = Stars.of(doc["rating"])
    return ProductSummary(
        id=doc["_id"],
        name=doc["name"],
        price=str(doc["price"]),
        tags=doc["tags"],
        created_at=doc["createdAt"],
        updated_at=doc["updatedAt"],
        average_rating=stars.average,
        review_count=stars.count,
        histogram=doc["rating"]["histogram"],
        rank=stars.rank / RANK_SCALE,
    )


def to_product(doc: Document) -> Product:
    summary = to_summary(doc)
    fields = {name: getattr(summary, name) for name in summary.__struct_fields__}
    return Product(**fields, description=doc["description"], sequence=doc["sequence"], version=doc["version"])


def to_rating(product: Product) -> Rating:
    return Rating(
        product.id, product.average_rating, product.review_count, product.histogram, product.rank, product.sequence
    )


def to_review(doc: Document, buyers: Container[str]) -> StoredReview:
    """The review, shown under the display name or what first and last name give."""
    full_name = " ".join(name for name in (doc["firstName"], doc["lastName"]) if name)
    return StoredReview(
        id=doc["_id"],
        productid=doc["productid"],
        userid=doc["userid"],
        rating=doc["rating"],
        text=doc["text"],
        display_name=doc["displayName"] or full_name,
        first_name=doc["firstName"],
        last_name=doc["lastName"],
        verified_purchase=doc["userid"] in buyers,
        timestamp=doc["timestamp"],
        updated_at=doc["updatedAt"],
    )
