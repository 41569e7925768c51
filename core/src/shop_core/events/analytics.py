"""Analytics: what visitors saw and clicked. Key of the topic = user, so one user's interactions have one consumer.

A moment is a number of milliseconds here. Whoever counts in another unit is a thousand times off: before 2000, or far
ahead; both are refused at the door and in events, by a sentence that names the unit.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from shop_core.errors import FieldFault, InvalidInput, MalformedRequest
from shop_core.events.envelope import Domain
from shop_core.events.fields import Rule, Text128
from shop_core.events.instants import EXPECTED, check_not_ahead, parse_instant
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.events.reading import Checked

INTERACTION_RECORDED = "shop.interaction.recorded.v1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MILLISECOND = 946684800000  # 2000-01-01: today in seconds is 1970 in milliseconds
LAST_MILLISECOND = 253402214399999  # a day before the last one that Python and MongoDB know
FORMS = f"{EXPECTED}, or milliseconds since 1970-01-01T00:00:00Z, from 2000 on"
LONGEST_NUMBER = 20  # digits: nanoseconds have 19
_DIGITS = re.compile(r"[0-9]+")
_LAST_PLAUSIBLE = 4102444800000  # 2100-01-01: what another unit is told by

Kind = Literal["click", "impression"]


def check_milliseconds(field: str, timestamp: int, first: int = 0) -> int:
    """`timestamp` itself; `InvalidInput` where it is none from `first` on, which names the unit that it looks like."""
    if first <= timestamp <= LAST_MILLISECOND:
        return timestamp
    in_other_units = {"seconds": timestamp * 1000, "microseconds": timestamp // 1000, "nanoseconds": timestamp // 10**6}
    unit = next((u for u, n in in_other_units.items() if FIRST_MILLISECOND <= n < _LAST_PLAUSIBLE), None)
    detail = f"looks like {unit}: give milliseconds since 1970-01-01T00:00:00Z" if unit else FORMS
    raise InvalidInput(FieldFault(field, detail))


def check_recent(field: str, timestamp: int, now: datetime) -> int:
    """`timestamp` itself unless it lies before 2000, or more than a day after `now`."""
    check_not_ahead(field, to_moment(check_milliseconds(field, timestamp, FIRST_MILLISECOND)), now)
    return timestamp


def check_sent(field: str, sent: int | str) -> int:
    """The milliseconds that a client sent in JSON, as such or as a text by RFC 3339."""
    return check_milliseconds(field, sent) if isinstance(sent, int) else _by_text(field, sent)


Milliseconds = Annotated[
    int,
    msgspec.Meta(
        description="since 1970 in UTC, from 2000 on; at most a day ahead",
        examples=[1795253400000],
        extra_json_schema={"minimum": FIRST_MILLISECOND, "maximum": LAST_MILLISECOND},
    ),
    Rule(check_milliseconds, check_recent, form="must be a whole number of milliseconds since 1970-01-01T00:00:00Z"),
]


class InteractionRecorded(Checked, frozen=True, forbid_unknown_fields=True):
    """A user saw (impression) or clicked something; `timestamp` in milliseconds since 1970 (UTC)."""

    user: Text128
    kind: Kind
    timestamp: Milliseconds


def read_milliseconds(field: str, text: str | None) -> int:
    """The moment in a query argument, as digits or by RFC 3339; `MalformedRequest` where it is missing or none."""
    if text is None:
        raise MalformedRequest(FieldFault(field, "is required"))
    try:
        is_number = _DIGITS.fullmatch(text) and len(text) <= LONGEST_NUMBER
        return check_milliseconds(field, int(text), FIRST_MILLISECOND) if is_number else _by_text(field, text)
    except InvalidInput as error:
        detail = FORMS if error.faults[0].detail == EXPECTED else error.faults[0].detail
        raise MalformedRequest(FieldFault(field, detail)) from None


def to_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def to_moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def _by_text(field: str, text: str) -> int:
    timestamp = to_milliseconds(parse_instant(field, text))
    if not FIRST_MILLISECOND <= timestamp <= LAST_MILLISECOND:
        raise InvalidInput(FieldFault(field, "must be a moment from the year 2000 on"))
    return timestamp


DOMAIN = Domain(
    "analytics",
    "shop.analytics",
    {INTERACTION_RECORDED: InteractionRecorded, USER_ERASED: UserErased},
    keyed_by="user",
)
