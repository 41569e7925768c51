"""What every query has in common: pages by keyset, date ranges, `?after=` and the short-lived cache."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import request

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.fields import parse_instant
from shop_core.telemetry import metrics

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_CURSOR = re.compile(r"\d{18}-.{1,128}", re.DOTALL)


def refuse_unknown(*known: str) -> None:
    """A misspelt query argument is an error, not ignored."""
    for name in request.args:
        if name not in known:
            raise InvalidInput(FieldFault(name, f"is not known here, expected {', '.join(known)}"), status=400)


def limit_arg() -> int:
    text = request.args.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidInput(FieldFault("limit", f"must be a whole number from 1 to {MAX_LIMIT}"), status=400)
    return int(text)


def instant_arg(name: str) -> datetime | None:
    text = request.args.get(name)
    return None if text is None else parse_instant(name, text, status=400)


def encode_cursor(order: str) -> str:
    return base64.urlsafe_b64encode(order.encode()).decode().rstrip("=")


def cursor_arg() -> str | None:
    """The order key in `?cursor=`, as `encode_cursor` made it."""
    text = request.args.get("cursor")
    if text is None:
        return None
    try:
        order = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        order = ""
    if not _CURSOR.fullmatch(order):
        raise InvalidInput(FieldFault("cursor", "must be the `next` of an earlier page"), status=400)
    return order


class Cache:
    """Answers not older than `max_age` seconds, and never older than the last event this process saw stored.

    `freshen` is called when a receipt was seen stored: what was read before that moment is not served any more.
    """

    def __init__(self, max_age: float = 1.0, size: int = 4096) -> None:
        self._max_age = max_age
        self._size = size
        self._entries: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._floor = 0.0
        self._lock = threading.Lock()

    def get(self, key: Any, load: Callable[[], Any]) -> Any:
        """The cached value of `key`, or what `load` reads now."""
        now = time.monotonic()
        with self._lock:
            read_at, value = self._entries.get(key, (-1e9, None))
            if read_at > max(self._floor, now - self._max_age):
                metrics.CACHE.labels("memory", "hit").inc()
                return value
        metrics.CACHE.labels("memory", "miss").inc()
        value = load()
        with self._lock:
            self._entries[key] = (now, value)  # `now` is before the read: never fresher than it claims
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value

    def freshen(self) -> None:
        with self._lock:
            self._floor = time.monotonic()
