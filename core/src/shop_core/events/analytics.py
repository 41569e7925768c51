"""Analytics: what visitors saw and clicked. Key of the topic = user, so one user's interactions have one consumer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Domain
from shop_core.events.fields import MAX_AHEAD, Text128, check_text
from shop_core.events.people import USER_ERASED, UserErased

INTERACTION_RECORDED = "shop.interaction.recorded.v1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MILLISECOND = 253402214399999  # a day before the last one that Python and MongoDB know

Kind = Literal["click", "impression"]
Milliseconds = Annotated[
    int, msgspec.Meta(ge=0, le=LAST_MILLISECOND, description="since 1970 in UTC", examples=[1795253400000])
]


class InteractionRecorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user saw (impression) or clicked something; `timestamp` in milliseconds since 1970 (UTC)."""

    user: Text128
    kind: Kind
    timestamp: Milliseconds

    def check(self) -> None:
        check_text("user", self.user)


def check_not_far_ahead(timestamp: int, now: datetime) -> int:
    """`timestamp` itself unless it lies more than a day after `now`."""
    if timestamp > to_milliseconds(now + MAX_AHEAD):
        raise InvalidInput(FieldFault("timestamp", "must not be more than a day ahead of the server's clock"))
    return timestamp


def read_milliseconds(field: str, text: str | None) -> int:
    """The moment in a query argument; `InvalidInput` (400) where it is missing or none."""
    if text is None:
        raise InvalidInput(FieldFault(field, "is required"), status=400)
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) <= LAST_MILLISECOND):
        detail = "must be whole milliseconds since 1970-01-01T00:00:00Z, not negative"
        raise InvalidInput(FieldFault(field, detail), status=400)
    return int(text)


def to_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def to_moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


DOMAIN = Domain("analytics", "shop.analytics", {INTERACTION_RECORDED: InteractionRecorded, USER_ERASED: UserErased})
