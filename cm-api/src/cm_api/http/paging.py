"""What every query has in common: pages by keyset, `?after=` and the short-lived cache."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from flask import request

from cm_api.http.freshness import was_read_at
from cm_api.sort_keys import is_order
from shop_core.errors import FieldFault, InvalidInput, MalformedRequest
from shop_core.events import TOPICS
from shop_core.events.receipts import Receipt
from shop_core.http import query_args
from shop_core.http.app import OWNER_HEADER
from shop_core.telemetry import metrics


def read(known: Sequence[str], *readers: Callable[[], Any]) -> list[Any]:
    """`query_args.read`, and `?after=` where it is `known`."""
    after = [_check_after] if "after" in known else []
    return query_args.read(known, *readers, *after)[: len(readers)]


def owner() -> str | None:
    """The userid whose own things alone are to be shown, where cm-server says so."""
    text = request.headers.get(OWNER_HEADER)
    return None if text is None else unquote(text)


def encode_cursor(order: str) -> str:
    return base64.urlsafe_b64encode(order.encode()).decode().rstrip("=")


def cursor_arg(valid: Callable[[str], bool] = is_order) -> str | None:
    """What `encode_cursor` was given, from `?cursor=`; `valid` tells whether it may have been."""
    text = request.args.get("cursor")
    if text is None:
        return None
    try:
        order = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        order = ""
    if not valid(order):
        raise MalformedRequest(FieldFault("cursor", "must be the `next` of an earlier page"))
    return order


def encode_cursors(orders: Mapping[str, str]) -> str | None:
    """One cursor for several lists, where each goes on by its name; None where none does."""
    return encode_cursor(json.dumps(dict(orders))) if orders else None


def cursors_arg(names: Collection[str]) -> dict[str, str] | None:
    """What `encode_cursors` was given, from `?cursor=`, if it may have been of lists of these `names`."""
    text = cursor_arg(lambda text: _orders_in(text).keys() <= set(names) and bool(_orders_in(text)))
    return None if text is None else _orders_in(text)


def _orders_in(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    fits = isinstance(found, dict) and all(isinstance(order, str) and is_order(order) for order in found.values())
    return found if fits else {}


def _check_after() -> None:
    if (text := request.args.get("after")) is not None:
        try:
            Receipt.parse(text, list(TOPICS))
        except InvalidInput as error:
            raise MalformedRequest(FieldFault("after", error.faults[0].detail)) from None


class _Flight:
    """One load under way: whoever asks for the same key meanwhile waits for it."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.landed = threading.Event()
        self.value: Any = None
        self.error: Exception | None = None

    def result(self) -> Any:
        self.landed.wait()
        if self.error is not None:
            raise self.error
        return self.value


class Cache:
    """Answers not older than `max_age` seconds, and never older than the last event this process saw stored.

    `freshen` is called when a receipt was seen stored: what was read before that moment is not served any more.
    Many who ask for the same at once make one question to the database.
    """

    def __init__(self, max_age: float = 1.0, size: int = 4096) -> None:
        self._max_age = max_age
        self._size = size
        self._entries: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._flights: dict[Any, _Flight] = {}
        self._floor = 0.0
        self._lock = threading.Lock()

    def get(self, key: Any, load: Callable[[], Any]) -> Any:
        """The cached value of `key`, or what `load` reads now."""
        with self._lock:
            read_at, value = self._entries.get(key, (-1e9, None))
            if read_at > max(self._floor, time.monotonic() - self._max_age):
                metrics.CACHE.labels("memory", "hit").inc()
                was_read_at(read_at)
                return value
        return self.once(key, load, keep=True)

    def once(self, key: Any, load: Callable[[], Any], *, keep: bool = False) -> Any:
        """What `load` reads now, for all who ask meanwhile; kept for those who ask later only where wanted."""
        with self._lock:
            flight = self._flights.get(key)
            joined = flight is not None and flight.started > self._floor
            if flight is None or not joined:
                # The start is before the read: an entry is never fresher than it claims.
                flight = self._flights[key] = _Flight(time.monotonic())
        metrics.CACHE.labels("memory", "hit" if joined else "miss").inc()
        was_read_at(flight.started)
        return flight.result() if joined else self._land(key, flight, load, keep)

    def _land(self, key: Any, flight: _Flight, load: Callable[[], Any], keep: bool) -> Any:
        try:
            flight.value = load()
        except Exception as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                if keep and flight.error is None and self._entries.get(key, (-1e9, None))[0] < flight.started:
                    self._keep(key, flight)
            flight.landed.set()
        return flight.value

    def _keep(self, key: Any, flight: _Flight) -> None:
        self._entries[key] = (flight.started, flight.value)
        self._entries.move_to_end(key)
        # What is not served any more may be long: a product's description has up to 256 KiB.
        served = max(self._floor, time.monotonic() - self._max_age)
        while self._entries:
            read_at, _ = next(iter(self._entries.values()))
            if read_at >= served and len(self._entries) <= self._size:
                break
            self._entries.popitem(last=False)

    def freshen(self) -> None:
        with self._lock:
            self._floor = time.monotonic()
