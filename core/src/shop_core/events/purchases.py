"""Purchases: what customers bought. Key of the topic = userid, so one user's purchases stay in order."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shop_core.events.envelope import Domain
from shop_core.events.fields import Price, Text128, check_moment, check_price, check_text
from shop_core.events.people import USER_ERASED, UserErased

PURCHASE_MADE = "shop.purchase.made.v1"


class PurchaseMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A customer bought something; `price` as sent, `timestamp` the moment of the purchase (UTC).

    `productid` names a product of the catalog, where the purchase is one of it.
    """

    username: Text128
    userid: Text128
    price: Price
    timestamp: datetime
    productid: Text128 | None = None

    def check(self) -> None:
        check_text("username", self.username)
        check_text("userid", self.userid)
        check_price("price", self.price)
        check_moment("timestamp", self.timestamp)
        if self.productid is not None:
            check_text("productid", self.productid)


DOMAIN = Domain("purchases", "shop.purchases", {PURCHASE_MADE: PurchaseMade, USER_ERASED: UserErased})
