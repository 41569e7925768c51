"""Prices in requests: a JSON string or number, whose digits are kept as they were written."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from shop_core.events.fields import PRICE_PATTERN, Rule, check_price

_SCHEMA = {"anyOf": [{"type": "string", "pattern": PRICE_PATTERN}, {"type": "number", "minimum": 0}]}
_NUMBER = re.compile(r"[0-9.]+")


def price_of(raw: msgspec.Raw, field: str = "price") -> str:
    """The price as it was written; `InvalidInput` naming `field` where it is none."""
    written = bytes(raw)
    if written[:1] == b'"':
        # A string may be written with escapes; "\u0031" is "1".
        return check_price(field, msgspec.json.decode(written, type=str))
    text = written.decode(errors="replace")
    return check_price(field, text if _NUMBER.fullmatch(text) else "")


SentPrice = Annotated[
    msgspec.Raw,
    msgspec.Meta(extra_json_schema=_SCHEMA),
    Rule(lambda field, raw: price_of(raw, field)),
]
