"""Wishlists: what customers would like to have. Key of the topic = userid, so one user's wishes stay in order."""

from __future__ import annotations

import msgspec

from shop_core.events.envelope import Domain
from shop_core.events.fields import Text128
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.events.reading import Checked

WISH_ADDED = "shop.wish.added.v1"


class WishAdded(Checked, frozen=True, forbid_unknown_fields=True):
    """A customer would like to have a product; a list holds each once."""

    userid: Text128
    productid: Text128


class Wishlist(msgspec.Struct):
    """What a query answers: the products that a user would like to have."""

    userid: str
    products: list[str]


DOMAIN = Domain(
    "wishlists",
    "shop.wishlists",
    {WISH_ADDED: WishAdded, USER_ERASED: UserErased},
    topic_config={"retention.ms": "-1"},
)
