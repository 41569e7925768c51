"""Prices in requests: a JSON string or number, whose digits are kept as they were written."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from shop_core.events.fields import PRICE_PATTERN, check_price

_SCHEMA = {"anyOf": [{"type": "string", "pattern": PRICE_PATTERN}, {"type": "number", "minimum": 0}]}
_RAW = re.compile(r'"([^"\\]*)"|([0-9.]+)')
SentPrice = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=_SCHEMA)]


def price_of(raw: msgspec.Raw) -> str:
    """The price as it was written; `InvalidInput` naming `price` where it is none."""
    found = _RAW.fullmatch(bytes(raw).decode(errors="replace"))
    return check_price("price", (found.group(1) or found.group(2) or "") if found else "")
