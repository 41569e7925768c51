"""Purchases: what customers bought. Key of the topic = userid, so one user's purchases stay in order."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shop_core.events.envelope import Domain
from shop_core.events.fields import Price, Text128, check_price, check_text

PURCHASE_MADE = "shop.purchase.made.v1"


class PurchaseMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer bought something; `price` as sent, `timestamp` the moment of the purchase (UTC)."""

    username: Text128
    userid: Text128
    price: Price
    timestamp: datetime

    def check(self) -> None:
        check_text("username", self.username)
        check_text("userid", self.userid)
        check_price("price", self.price)


DOMAIN = Domain("purchases", "shop.purchases", {PURCHASE_MADE: PurchaseMade})
