"""Requests to a service that has stopped answering: a few find that out, the others are told at once.

Else a frozen cm-api would take every thread by those who read, and nobody could buy. Slow is the same as away: an
answer that comes after its time counts as none. The circuit opens after failures in a row, or at once while all that
are under way wait; after a pause one request probes it, and any answer in time closes it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from shop_core.errors import Unavailable
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
STALLED_AFTER = 2.0
FAILURES = 5  # in a row: a restart behind a Service costs less, an outage not much more
PAUSE_SECONDS = 2.0
State = Literal["closed", "half-open", "open"]
_LEVELS: dict[State, int] = {"closed": 0, "half-open": 1, "open": 2}


class CircuitOpen(Unavailable):
    """Not asked, since it would not answer; `retry_after` is in how many seconds it is asked again."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(f"{name} is not answering, so it is not asked")
        self.retry_after = max(1, math.ceil(seconds))


class CircuitBreaker:
    """At most `most` requests are under way while none of them gets an answer."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, name: str = "cm-api") -> None:
        self._most = most
        self._clock = clock
        self._name = name
        self._lock = threading.Lock()
        self._under_way = 0
        self._progress = 0.0
        self._failures = 0
        self._until = self._next_wait = 0.0
        self._probing = False
        self._state: State = "closed"
        self._told = metrics.CIRCUIT.labels(name)
        self._told.set(_LEVELS["closed"])

    @property
    def state(self) -> State:
        """`open` while nobody may ask, `half-open` while one may, or does, to find out."""
        with self._lock:
            if self._state == "open" and self._clock() >= self._until:
                self._turn("half-open")
            return self._state

    def check(self) -> None:
        """Raise `CircuitOpen` where a request would be refused now."""
        if self.state == "open" or self._probing:
            raise CircuitOpen(self._name, self._until - self._clock())

    @contextmanager
    def watched(self, within: float, counts: bool = True) -> Iterator[None]:
        """The block is one request, whose answer is to come `within` seconds; `CircuitOpen` instead of it when it would
        only wait as well. Not all `counts` as a stall: of those that are allowed to take long, silence says nothing.
        """
        with self._lock:
            probes = self._admit(counts)
            if counts:
                self._progress = self._clock() if self._under_way == 0 else self._progress
                self._under_way += 1
        began, answered = self._clock(), False
        try:
            yield
            answered = True
        finally:
            with self._lock:
                self._under_way -= counts
                self._probing = self._probing and not probes
                self._note(answered and self._clock() - began <= within, counts, probes)

    def _admit(self, counts: bool) -> bool:
        """Whether the request that may go on is the probe, which reads alone are: what waits would hold the others up,
        so one of those goes on with each pause."""
        now = self._clock()
        stalled = self._under_way >= self._most and now - self._progress > STALLED_AFTER
        if stalled and counts and self._state == "closed":
            self._open()
        if self._state == "closed":
            return False
        if now < self._until or (self._probing if counts else now < self._next_wait):
            raise CircuitOpen(self._name, self._until - now)
        self._turn("half-open")
        if counts:
            self._probing = True
        else:
            self._next_wait = now + PAUSE_SECONDS
        return counts

    def _note(self, in_time: bool, counts: bool, probed: bool) -> None:
        """An answer in time closes the circuit, whoever asked; while it is not closed, only the probe's failure tells
        something new."""
        if in_time:
            self._failures = 0
            self._progress = self._clock() if counts else self._progress
            self._turn("closed")
            return
        self._failures += 1
        if probed or (self._state == "closed" and self._failures >= FAILURES):
            self._open()

    def _open(self) -> None:
        self._until = self._clock() + PAUSE_SECONDS
        self._turn("open")

    def _turn(self, state: State) -> None:
        if state == self._state:
            return
        before, self._state = self._state, state
        self._told.set(_LEVELS[state])
        if state == "closed":
            log.info("circuit_closed", extra={"dependency": self._name})
        elif before == "closed":
            log.warning("circuit_opened", extra={"dependency": self._name, "failures": self._failures})
