"""What the routes about a person answer."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.responses.catalog import StoredReview
from shop_core.responses.purchases import Profile, Purchase


class Erased(msgspec.Struct):
    """An erasure: its event's id, what is known of it, and the receipt of each domain that takes it: of the copy in the
    partition of the user's own events. `pending` are the receipts of all copies that are not known to be applied."""

    id: str
    state: str
    receipts: dict[str, str]
    pending: list[str]


class Visit(msgspec.Struct):
    """That a user was there in the hour or day that begins at `start`; forgotten at `until`."""

    step: Literal["hour", "day"]
    start: str
    until: str


class RefusedCommand(msgspec.Struct):
    """A command that broke a rule and is not among the dead letters yet: what it `said`, and why it was refused."""

    receipt: str
    reason: str
    at: str
    said: str


class Export(msgspec.Struct):
    """Everything that is kept of a user: purchases newest first, reviews oldest first.

    `next` is the cursor of more of both, with which a page has these alone.

    `visits`, `refused` and `others` are left out where there are none. `others` is
    what domains keep that have no part of their own here.
    """

    userid: str
    profile: Profile | None
    purchases: list[Purchase]
    reviews: list[StoredReview]
    next: str | None
    visits: list[Visit] | UnsetType = UNSET
    refused: list[RefusedCommand] | UnsetType = UNSET
    others: dict[str, Any] | UnsetType = UNSET
