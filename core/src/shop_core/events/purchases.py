"""Purchases: what customers bought. Key of the topic = userid, so one user's purchases stay in order."""

from __future__ import annotations

from shop_core.events.envelope import Domain
from shop_core.events.fields import PastMoment, Price, Text128
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.events.reading import Checked

PURCHASE_MADE = "shop.purchase.made.v1"


class PurchaseMade(Checked, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A customer bought something; `price` as sent, `timestamp` the moment of the purchase (UTC).

    `productid` names a product of the catalog, where the purchase is one of it.
    """

    username: Text128
    userid: Text128
    price: Price
    timestamp: PastMoment
    productid: Text128 | None = None


DOMAIN = Domain("purchases", "shop.purchases", {PURCHASE_MADE: PurchaseMade, USER_ERASED: UserErased})
