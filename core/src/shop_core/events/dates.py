"""Dates as people write them: "2026/11/21 09:30:00" (24 hours, UTC) or RFC 3339, told apart by their form alone.

Kept to the millisecond, which is what the database holds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.instants import EXPECTED, Instant, format_instant, read_instant

Form = Literal["iso", "slash"]
_SLASH = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_EITHER = "must be RFC 3339, such as 2026-11-21T09:30:00Z, or yyyy/MM/dd hh:mm:ss in UTC"


def parse_date(field: str, text: str, *, error: type[InvalidInput] = InvalidInput) -> Instant:
    """A moment in UTC; RFC 3339 without a zone is UTC, and a form that is neither is refused."""
    try:
        return _from_slash(text) if "/" in text else to_millisecond(read_instant(text))
    except ValueError as fault:
        detail = _EITHER if str(fault) == EXPECTED else str(fault)
        raise error(FieldFault(field, detail)) from None


def format_date(moment: datetime, form: Form = "iso") -> str:
    """`moment` in the form asked for; the form with slashes has no fractions."""
    if form == "iso":
        return format_instant(moment)
    at = moment.astimezone(UTC)
    return f"{at.year:04}/{at.month:02}/{at.day:02} {at.hour:02}:{at.minute:02}:{at.second:02}"


def to_millisecond(moment: datetime) -> Instant:
    """What of a moment is kept; written in six digits, it goes back in three."""
    digits = moment.digits if isinstance(moment, Instant) else None
    digits = None if digits is None else min(digits, 3)
    return Instant.of(moment.replace(microsecond=moment.microsecond // 1000 * 1000), digits)


def _from_slash(text: str) -> Instant:
    found = _SLASH.fullmatch(text)
    try:
        year, month, day, hour, minute, second = map(int, found.groups() if found else ())
        return Instant.of(datetime(year, month, day, hour, minute, second, tzinfo=UTC), 0)
    except ValueError:
        raise ValueError(EXPECTED) from None
