"""Moments as text: one grammar for bodies, arguments, event data and headers, the same on every version of Python.

RFC 3339 (section 5.6), in capitals or not, with a T or a space, and two forms more: without a zone it is UTC, and a day
alone is its first moment. What is read remembers in how many digits its fraction was written, and goes back so.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shop_core.errors import FieldFault, InvalidInput

MAX_AHEAD = timedelta(days=1)
EXPECTED = "must be a moment by RFC 3339, such as 2026-11-21T09:30:00Z"
LEAP_SECOND = "has a leap second, which can't be kept: give second 59"
YEARS = "must be a moment between the years 1 and 9999 in UTC"
LOST_PLUS = f"{EXPECTED}; in an address a + is written %2B"
_TEXT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_LOST_PLUS = re.compile(r"[0-9-]{10}[Tt ][0-9:.]+ [0-9]{2}:[0-9]{2}")
_PRECISION = {0: "seconds", 3: "milliseconds", 6: "microseconds"}


class Instant(datetime):
    """A moment in UTC. `digits` is in how many digits its fraction was written (0, 3 or 6), None where nobody did."""

    digits: int | None = None

    @classmethod
    def of(cls, moment: datetime, digits: int | None = None) -> Self:
        at = moment.astimezone(UTC)
        made = cls(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, UTC)
        made.digits = digits
        return made

    def plain(self) -> datetime:
        """The moment alone."""
        return datetime.combine(self.date(), self.timetz())


def parse_instant(field: str, text: str, *, error: type[InvalidInput] = InvalidInput) -> Instant:
    """The moment that `text` names, or `InvalidInput` naming `field`."""
    try:
        return read_instant(text)
    except ValueError as fault:
        raise error(FieldFault(field, str(fault))) from None


def read_instant(text: str) -> Instant:
    """The moment that `text` names; digits beyond the microsecond are cut off. `ValueError` says what is expected."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(LOST_PLUS if _LOST_PLUS.fullmatch(text) else EXPECTED)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if second == "60":
        raise ValueError(LEAP_SECOND)
    try:
        microsecond = 0 if fraction is None else int(fraction[:6].ljust(6, "0"))
        if hour is None:
            moment = Instant(int(year), int(month), int(day), tzinfo=UTC)
        else:
            moment = Instant(int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond, UTC)
    except ValueError:
        raise ValueError(YEARS if year == "0000" else EXPECTED) from None
    if zone is not None and zone not in "Zz":
        moment = _earlier(moment, zone)
    moment.digits = 0 if fraction is None else 3 if len(fraction) <= 3 else 6
    return moment


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`, in the digits that it came in; otherwise in as few of 0, 3 and 6 as tell all of it."""
    digits = instant.digits if isinstance(instant, Instant) else None
    if digits is None:
        digits = natural_digits(instant)
    return instant.astimezone(UTC).isoformat(timespec=_PRECISION[digits]).removesuffix("+00:00") + "Z"


def natural_digits(moment: datetime) -> int:
    """As few of 0, 3 and 6 digits as tell all of `moment`."""
    return 0 if moment.microsecond == 0 else 3 if moment.microsecond % 1000 == 0 else 6


def check_moment(field: str, moment: datetime) -> datetime:
    """`moment` itself unless UTC can't express it, as one on the first day of year 1 east of Greenwich."""
    try:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidInput(FieldFault(field, YEARS)) from None


def check_not_ahead(field: str, instant: datetime, now: datetime) -> datetime:
    """`instant` itself unless it lies more than a day after `now`."""
    if instant > now + MAX_AHEAD:
        raise InvalidInput(FieldFault(field, "must not be more than a day ahead of the server's clock"))
    return instant


def from_json(type_: type[Any], value: Any) -> Any:
    """For msgspec: an `Instant` in JSON is text."""
    if type_ is not Instant or not isinstance(value, str):
        raise ValueError(EXPECTED)
    return read_instant(value)


def to_json(value: Any) -> Any:
    """For msgspec: an `Instant` goes back in the digits that it came in."""
    if isinstance(value, Instant):
        return format_instant(value)
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def to_plain(value: Any) -> Any:
    """For msgspec: an `Instant` as any moment, whatever its digits; by this two commands are told apart."""
    if isinstance(value, Instant):
        return value.plain()
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def _earlier(moment: Instant, zone: str) -> Instant:
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 23 or minutes > 59:
        raise ValueError(EXPECTED)
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        return moment - offset if zone[0] == "+" else moment + offset
    except OverflowError:
        raise ValueError(YEARS) from None
