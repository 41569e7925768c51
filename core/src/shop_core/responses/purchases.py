"""What the purchase queries answer."""

from __future__ import annotations

import msgspec

from shop_core.events.fields import Price


class Purchase(msgspec.Struct):
    """One stored purchase; `price` and the digits of `timestamp` (UTC) as sent, `productid` where it named one."""

    id: str = msgspec.field(name="_id")
    username: str
    userid: str
    price: Price
    timestamp: str
    productid: str | msgspec.UnsetType = msgspec.UNSET


class PurchasesByUsername(msgspec.Struct):
    """A page, in the order of `sort`; `next` is the cursor of the next page, null on the last."""

    username: str
    purchases: list[Purchase]
    next: str | None


class PurchasesByUserid(msgspec.Struct):
    """A page, in the order of `sort`; `next` is the cursor of the next page, null on the last."""

    userid: str
    purchases: list[Purchase]
    next: str | None


class Profile(msgspec.Struct):
    """A user's purchases in sum, kept incrementally."""

    userid: str
    username: str
    count: int
    total_spent: str = msgspec.field(name="totalSpent")
    first_purchase: str = msgspec.field(name="firstPurchase")
    last_purchase: str = msgspec.field(name="lastPurchase")
