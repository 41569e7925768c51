"""The field types of the published language and their rules, shared by the door (cm-server) and the consumers.

The annotated types give the schema (OpenAPI, AsyncAPI); the `Rule` in each holds what a schema can't say exactly. No
Flask and no database in here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.instants import Instant, check_moment, check_not_ahead, format_instant, parse_instant

__all__ = [  # with the rules of moments, which have a module of their own
    "Moment",
    "PastMoment",
    "Price",
    "Rule",
    "Text128",
    "check_moment",
    "check_not_ahead",
    "check_price",
    "check_text",
    "format_instant",
    "moment_schema",
    "parse_instant",
    "text_schema",
]
LONGEST_TEXT = 128
PRICE_PATTERN = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"
_PRICE = re.compile(PRICE_PATTERN[1:-1])
# Control characters (Cc), line and paragraph separators, bidirectional controls, surrogates. Written out: the tables of
# `unicodedata` and `str.isprintable` change with the version of Python, and door and consumer must agree for ever.
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# The same for a reader of the schema; JSON in UTF-8 holds no surrogates.
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
ABOUT_PRICE = "must be a decimal ≥ 0 such as 1195.30, with at most 2 places and 12 digits"
ABOUT_TEXT = "characters of any script, without control characters"


@dataclass(frozen=True)
class Rule:
    """What a schema can't say of a value: `check(field, value)` raises `InvalidInput` where it is broken.

    `bounds(field, checked, came)` does so where a moment can't be right, seen from the one at which it came.
    `form` is what to say of a value of another type.
    """

    check: Callable[[str, Any], Any]
    bounds: Callable[[str, Any, datetime], Any] | None = None
    form: str = ""


def check_text(field: str, value: str, *, error: type[InvalidInput] = InvalidInput, longest: int = LONGEST_TEXT) -> str:
    """`value` itself when it is 1 to `longest` characters as people write names, otherwise `InvalidInput`."""
    if not 1 <= len(value) <= longest:
        raise error(FieldFault(field, f"must be 1 to {longest} characters, has {len(value)}"))
    if found := _REFUSED.search(value):
        detail = f"must be without control characters, has U+{ord(found[0]):04X} as character {found.start() + 1}"
        raise error(FieldFault(field, detail))
    return value


def check_price(field: str, text: str) -> str:
    """`text` itself when it is a plain decimal (no sign, exponent or leading zeros) within NUMERIC(12,2)."""
    if not _PRICE.fullmatch(text) or len(text.replace(".", "")) > 12:
        raise InvalidInput(FieldFault(field, ABOUT_PRICE))
    return text


def text_schema(longest: int, example: str) -> msgspec.Meta:
    """A name's place in the schema."""
    return msgspec.Meta(
        min_length=1,
        max_length=longest,
        description=f"1–{longest} {ABOUT_TEXT}",
        examples=[example],
        extra_json_schema={"pattern": TEXT_PATTERN},
    )


def moment_schema(description: str) -> msgspec.Meta:
    return msgspec.Meta(
        description=description,
        examples=["2026-11-21T09:30:00Z"],
        extra_json_schema={"type": "string", "format": "date-time"},
    )


Text128 = Annotated[str, text_schema(LONGEST_TEXT, "Ada"), Rule(check_text)]
Price = Annotated[
    str,
    msgspec.Meta(
        pattern=PRICE_PATTERN, description="decimal ≥ 0, at most 2 places and 12 digits", examples=["1195.30"]
    ),
    Rule(check_price, form=f"{ABOUT_PRICE}, as a string"),
]
Moment = Annotated[Instant, moment_schema("RFC 3339; UTC where it names no zone"), Rule(check_moment)]
PastMoment = Annotated[
    Instant,
    moment_schema("RFC 3339; UTC where it names no zone; at most a day ahead"),
    Rule(check_moment, check_not_ahead),
]
