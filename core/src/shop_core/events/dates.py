"""Dates as people write them: "2026/11/21 09:30:00" (24 hours, UTC) or ISO 8601, told apart by their form alone.

Kept to the millisecond, which is what the database holds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.fields import check_moment, format_instant, parse_instant

Form = Literal["iso", "slash"]
_SLASH = re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_EXPECTED = "must be ISO 8601, such as 2026-11-21T09:30:00Z, or yyyy/MM/dd hh:mm:ss in UTC"


def parse_date(field: str, text: str, *, status: int = 422) -> datetime:
    """An aware UTC datetime; ISO 8601 without a zone is UTC, and a form that is neither is refused."""
    try:
        if "/" in text:
            return _from_slash(text)
        return check_moment(field, to_millisecond(parse_instant(field, text)))
    except (ValueError, InvalidInput):
        raise InvalidInput(FieldFault(field, _EXPECTED), status=status) from None


def format_date(moment: datetime, form: Form = "iso") -> str:
    """`moment` in the form asked for; the form with slashes has no fractions."""
    if form == "iso":
        return format_instant(moment)
    at = moment.astimezone(UTC)
    return f"{at.year:04}/{at.month:02}/{at.day:02} {at.hour:02}:{at.minute:02}:{at.second:02}"


def to_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _from_slash(text: str) -> datetime:
    if not _SLASH.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
