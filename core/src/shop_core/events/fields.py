"""The field types of the published language and their rules, shared by the door (cm-server) and the consumers.

The annotated types give the schema (OpenAPI, AsyncAPI); the `check_*` functions hold what a schema can't say
exactly. No Flask and no database in here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from shop_core.errors import FieldFault, InvalidInput

MAX_AHEAD = timedelta(days=1)
PRICE_PATTERN = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"
_PRICE = re.compile(PRICE_PATTERN[1:-1])
_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")

Text128 = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=128, description="1–128 printable characters", examples=["Ada"]),
]
Price = Annotated[
    str,
    msgspec.Meta(
        pattern=PRICE_PATTERN, description="decimal ≥ 0, at most 2 places and 12 digits", examples=["1195.30"]
    ),
]


def check_text(field: str, value: str, *, status: int = 422) -> str:
    """`value` itself when it is 1–128 printable characters, otherwise `InvalidInput` naming `field`."""
    if not 1 <= len(value) <= 128 or not value.isprintable():
        raise InvalidInput(FieldFault(field, "must be 1 to 128 printable characters"), status=status)
    return value


def check_price(field: str, text: str) -> str:
    """`text` itself when it is a plain decimal (no sign, exponent or leading zeros) within NUMERIC(12,2)."""
    if not _PRICE.fullmatch(text) or len(text.replace(".", "")) > 12:
        raise InvalidInput(
            FieldFault(field, "must be a decimal ≥ 0 such as 1195.30, with at most 2 places and 12 digits")
        )
    return text


def parse_instant(field: str, text: str, *, status: int = 422) -> datetime:
    """An aware UTC datetime from ISO 8601 text; text without a zone is read as UTC."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        fault = FieldFault(field, "must be ISO 8601, such as 2026-11-21T09:30:00Z")
        raise InvalidInput(fault, status=status) from None


def check_moment(field: str, moment: datetime) -> datetime:
    """`moment` itself unless UTC can't express it, as one on the first day of year 1 east of Greenwich."""
    try:
        moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidInput(FieldFault(field, "must be a moment between the years 1 and 9999 in UTC")) from None
    return moment


def check_not_ahead(field: str, instant: datetime, now: datetime) -> datetime:
    """`instant` itself unless it lies more than a day after `now`."""
    if instant > now + MAX_AHEAD:
        raise InvalidInput(FieldFault(field, "must not be more than a day ahead of the server's clock"))
    return instant


def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the microsecond where there is one."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def fault_of(error: msgspec.ValidationError) -> FieldFault:
    """The field and a plain sentence from msgspec's message (`… - at `$.price``)."""
    text = str(error)
    for pattern, detail in ((_MISSING, "is required"), (_UNKNOWN, "is not a known field")):
        if found := pattern.search(text):
            return FieldFault(found.group(1), detail)
    at = _AT.search(text)
    message = _AT.sub("", text).replace("Expected", "expected").replace("`", "")
    return FieldFault(at.group(1) if at and at.group(1) else "body", message)
