"""Whose turn it is to work: so many requests at once, of the others one from each network after the other, and of one
network's in the order in which they came. So who asks for a thousand things waits for them, and nobody else does.

A request that only waits, for a receipt to settle, steps aside meanwhile: its thread costs little, and its turn goes to
the next. So those who wait never keep out those who do not, and there may be more of them than of those who work.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from shop_core.http.worker.connection import Connection

ASIDE = "shop.aside"  # in a request's environ: a context in which it does not count as working
# Threads for each one that works, in all: the others are for those who wait, for a receipt or for a broker that stalls.
THREADS_A_TURN = 5


class ThreadSlots:
    """For one loop, in whose thread every call is made. `start` hands a connection's request to a thread."""

    def __init__(self, most: int, start: Callable[[Connection], None]) -> None:
        self._most, self._start = most, start
        self._queues: OrderedDict[str, deque[Connection]] = OrderedDict()  # by network, whose turn is next first
        self._working = 0

    def take(self, conn: Connection) -> None:
        """Work now, or when one of those who do has ended."""
        self._queues.setdefault(conn.network, deque()).append(conn)
        self._next()

    def done(self) -> None:
        """One has ended, or steps aside."""
        self._working -= 1
        self._next()

    def back(self) -> None:
        """One that stood aside works again, at once: it has its thread already."""
        self._working += 1

    def _next(self) -> None:
        while self._queues and self._working < self._most:
            network, queue = next(iter(self._queues.items()))
            conn = queue.popleft()
            if queue:
                self._queues.move_to_end(network)
            else:
                del self._queues[network]
            self._working += 1
            self._start(conn)
