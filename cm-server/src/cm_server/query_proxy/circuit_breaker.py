"""Requests to a service that has stopped answering: a few find that out, the others are told at once.

Else a frozen cm-api would take every thread by those who read, and nobody could buy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shop_core.errors import Unavailable

STALLED_AFTER = 2.0


class CircuitBreaker:
    """At most `most` requests are under way while none of them gets an answer."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._progress = 0.0

    @contextmanager
    def watched(self, counts: bool = True) -> Iterator[None]:
        """The block is one request; `Unavailable` instead of it when it would only wait as well. Not all `counts`: of
        those that are allowed to take long, silence says nothing."""
        if not counts:
            yield
            return
        with self._lock:
            stalled = self._clock() - self._progress > STALLED_AFTER
            if self._under_way >= self._most and stalled:
                raise Unavailable("cm-api is not answering")
            if self._under_way == 0:
                self._progress = self._clock()
            self._under_way += 1
        answered = False
        try:
            yield
            answered = True
        finally:
            with self._lock:
                self._under_way -= 1
                if answered:
                    self._progress = self._clock()
