"""Keys by which stored things sort: a moment to the microsecond, which a BSON date can't hold, then the id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def order_key(moment: datetime, id: str) -> str:
    """A string that sorts as (moment, id): microseconds since year 1 in 18 digits, then the id."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1):018d}-{id}"


def moment_of(order: str) -> datetime:
    """The moment in an `order_key`, to the microsecond."""
    return _EPOCH + timedelta(microseconds=int(order[:18]))
