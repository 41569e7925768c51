"""What the routes about a person answer."""

from __future__ import annotations

import msgspec

from shop_core.answers.catalog import StoredReview
from shop_core.answers.purchases import Profile, Purchase


class Erased(msgspec.Struct):
    """An erasure: its event's id, what is known of it, and the receipt of each domain that takes it."""

    id: str
    state: str
    receipts: dict[str, str]


class Export(msgspec.Struct):
    """Everything that the read models hold of a user; purchases newest first, `next` is the cursor of older ones."""

    userid: str
    profile: Profile | None
    purchases: list[Purchase]
    reviews: list[StoredReview]
    next: str | None
