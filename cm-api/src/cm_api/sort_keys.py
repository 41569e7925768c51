"""Keys by which stored things sort: a moment to the microsecond, which a BSON date can't hold, then the id."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from shop_core.events.instants import Instant, natural_digits

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_DIGITS = "\x1f"  # before the number of digits that a moment was written in; no id holds a control character
_KEY = re.compile(rf"([0-9]{{18}})-[^{_DIGITS}]{{1,128}}(?:{_DIGITS}([036]))?")


def order_key(moment: datetime, id: str) -> str:
    """A string that sorts as (moment, id): microseconds since year 1 in 18 digits, then the id."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1):018d}-{id}"


def order_as_sent(moment: datetime, id: str) -> str:
    """An `order_key` that knows as well in how many digits the moment was written, where it would not be told so."""
    digits = moment.digits if isinstance(moment, Instant) else None
    told = digits in (None, natural_digits(moment))
    return order_key(moment, id) + ("" if told else f"{_DIGITS}{digits}")


def moment_of(order: str) -> Instant:
    """The moment in either key, to the microsecond, in the digits that it was written in."""
    moment = _EPOCH + timedelta(microseconds=int(order[:18]))
    return Instant.of(moment, int(order[-1]) if order[-2:-1] == _DIGITS else None)


def is_order(text: str) -> bool:
    """Whether `text` may be one of these keys, as the cursors of most pages are."""
    found = _KEY.fullmatch(text)
    return found is not None and int(found[1]) <= _LAST
