"""What callers are told of who wrote a review: the display name, and whether it was themselves.

Userid and names go only to who may read any purchases; where nobody is asked, that is everybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec
from msgspec import UNSET

from cm_server.query_proxy.client import Change
from cm_server.security.authentication import caller
from shop_core.auth import PURCHASES_READ_ANY
from shop_core.responses.catalog import Product, Reviews, StoredReview

# The answers that hold reviews, by their address.
HOLDING: dict[str, type[Product | Reviews | StoredReview]] = {
    "/v1/products/{id}": Product,
    "/v1/products/{id}/reviews": Reviews,
    "/v1/products/{id}/reviews/{reviewId}": StoredReview,
}


def unnamed(path: str) -> Change | None:
    """What makes the answer at `path` one for the caller in hand; None where it may stay as it is."""
    kind = HOLDING.get(path)
    if kind is None or caller().may(PURCHASES_READ_ANY):
        return None
    return partial(_without_names, kind, caller().subject)


def _without_names(kind: type[Product | Reviews | StoredReview], reader: str | None, answer: bytes) -> bytes:
    found = msgspec.json.decode(answer, type=kind)
    for review in _reviews_in(found):
        if review.userid == reader:
            review.mine = True
        else:
            review.userid = review.first_name = review.last_name = UNSET
    return msgspec.json.encode(found) + b"\n"


def _reviews_in(found: Product | Reviews | StoredReview) -> Iterable[StoredReview]:
    if isinstance(found, StoredReview):
        return [found]
    if isinstance(found, Reviews):
        return found.reviews
    return found.reviews.reviews if found.reviews else ()
