"""How many requests may wait for a receipt at once, beside those that work.

Nobody may hold more places than are left for others: one caller gets half of them, and there is always one for the
next. Without authentication a caller is an address.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from flask import g, request

from shop_core.auth import ANYBODY, Caller
from shop_core.http.app import aside
from shop_core.telemetry import metrics
from shop_runtime.addresses import network_of


class Waiting:
    """The places of one process, whose `threads` are those that work at once."""

    @classmethod
    def beside(cls, threads: int) -> Waiting:
        # One caller's half: two dozen by default, though all its requests may come to one worker. Over two workers that
        # is half of what cm-api lets wait (`cm_api.app`), so others find a place there as well.
        return cls(threads * 3)

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def given(self) -> Iterator[bool]:
        """Whether the request in hand may wait; while it does, its turn to work is another's."""
        with self.place(who_waits()) as given, aside() if given else nullcontext():
            yield given

    @contextmanager
    def place(self, who: str) -> Iterator[bool]:
        """Whether `who` may wait, for as long as the block runs; beyond the bound, the answer is to come at once."""
        given = self.take(who)
        metrics.WAITS.labels("held" if given else "at once").inc()
        try:
            yield given
        finally:
            if given:
                self.give_back(who)

    def take(self, who: str) -> bool:
        """Whether `who` gets a place, to be given back."""
        with self._lock:
            if self._held[who] >= self._places - self._held.total():
                return False
            self._held[who] += 1
            return True

    def give_back(self, who: str) -> None:
        """`who` has had its place."""
        with self._lock:
            self._held[who] -= 1
            self._held += Counter()  # forgets those who hold none


def who_waits() -> str:
    """Whose share the request in hand takes from."""
    caller: Caller = g.caller
    return network_of(request.remote_addr or "-") if caller is ANYBODY else caller.id
