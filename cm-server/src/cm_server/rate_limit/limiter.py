"""How often each caller may use each route: counted in one shared store, so that it holds over workers and pods.

A window slides in tenths: no window ever admits more than the limit, at the price that quota is released in steps.
Without a store, or while it is unavailable, each worker counts alone: then up to workers times the limit pass.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, Response, g, request

from cm_server.rate_limit.settings import Limit
from cm_server.security.authentication import access_of, described_path
from cm_server.security.permissions import Access
from shop_core.errors import Unavailable
from shop_core.http.problems import problem
from shop_core.telemetry import metrics
from shop_runtime.addresses import network_of

log = logging.getLogger(__name__)
TENTHS = 10
REST_SECONDS = 1.0  # after a failure the store is left alone for so long
MOST_KEYS = 100_000
UNKNOWN_CALLERS = "unknown callers"
REFUSED = (401, 403, 404, 405)  # before their route counted them


@dataclass(frozen=True)
class Quota:
    """One request counted: how many are left (-1: this one was too much), and after how many seconds room comes."""

    limit: Limit
    left: int
    reset: float


class Store(Protocol):
    """Where requests are counted."""

    def acquire(self, key: str, limit: Limit) -> Quota:
        """Count one request; `Unavailable` when it can't be counted."""


class WorkerStore:
    """The same in the memory of one worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, dict[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def acquire(self, key: str, limit: Limit) -> Quota:
        tenth = limit.seconds / TENTHS
        now = int(self._clock() / tenth)
        with self._lock:
            counts = {at: n for at, n in self._counts.pop(key, {}).items() if at >= now - TENTHS}
            total, oldest = sum(counts.values()), min(counts, default=now)
            if total < limit.count:
                counts[now] = counts.get(now, 0) + 1
            self._counts[key] = counts
            while len(self._counts) > MOST_KEYS:
                self._counts.popitem(last=False)
        return Quota(limit, limit.count - total - 1 if total < limit.count else -1, (oldest + TENTHS + 1 - now) * tenth)


class Limiter:
    """The shared store while it answers, otherwise the worker's own."""

    def __init__(self, limits: Mapping[str, Limit], shared: Store | None) -> None:
        self._limits = limits
        self._shared = shared
        self._own = WorkerStore()
        self._rests_until = 0.0

    def acquire(self, who: str, route: str) -> Quota | None:
        """Count a request of `who`; None where no limit is set. Names don't reach the store, only their hash."""
        limit = self._limits.get(route, self._limits.get(""))
        if limit is None:
            return None
        key = hashlib.sha256(f"{who}\n{route}".encode()).hexdigest()[:32]
        if self._shared is not None and time.monotonic() >= self._rests_until:
            try:
                return self._remembered(key, self._shared.acquire(key, limit))
            except Unavailable as outage:
                self._rests_until = time.monotonic() + REST_SECONDS
                metrics.LIMIT_STORE_ERRORS.inc()
                log.warning("limits_not_shared", extra={"error": str(outage)})
        return self._own.acquire(key, limit)

    def _remembered(self, key: str, taken: Quota) -> Quota:
        """What was admitted here counts here as well: a store that goes away gives nobody a fresh start."""
        if taken.left >= 0:
            self._own.acquire(key, taken.limit)
        return taken


def install(app: Flask, limiter: Limiter, table: Mapping[tuple[str, str], Access]) -> None:
    """Count each request of a known caller by route, and those of unknown ones by address; too many are a 429."""

    def count() -> Response | None:
        if access_of(table).scope is None or request.url_rule is None:
            return None
        route = f"{request.method} {described_path()}"
        # A request that has to run again, once its body is in, counts once.
        kept = request.environ.get("shop.kept", {})
        if "taken" not in kept:
            who = f"{g.caller.id} {address() if g.caller.id == 'anonymous' else ''}"
            kept["taken"] = limiter.acquire(who, route)
        g.taken = kept["taken"]
        return refusal(g.taken, route) if g.taken and g.taken.left < 0 else None

    def tell(answer: Response) -> Response:
        taken: Quota | None = g.get("taken")
        if answer.status_code in REFUSED and taken is None:
            taken = limiter.acquire(address(), UNKNOWN_CALLERS)
            if taken is not None and taken.left < 0:
                answer = refusal(taken, UNKNOWN_CALLERS)
        if taken is not None:
            answer.headers["RateLimit-Limit"] = str(taken.limit.count)
            answer.headers["RateLimit-Remaining"] = str(max(0, taken.left))
            answer.headers["RateLimit-Reset"] = str(math.ceil(taken.reset))
            answer.headers["RateLimit-Policy"] = f"{taken.limit.count};w={taken.limit.seconds}"
        return answer

    app.before_request(count)
    app.after_request(tell)


def address() -> str:
    return network_of(request.remote_addr or "-")


def refusal(taken: Quota, route: str) -> Response:
    metrics.LIMITED.labels(route).inc()
    detail = f"At most {taken.limit.count} requests of this kind are taken in {taken.limit.seconds} s."
    return problem(429, detail, headers={"Retry-After": str(max(1, math.ceil(taken.reset)))})
