"""What the log says of requests: once a minute how many there were. A line for each would be most of the log, and is
for DEBUG.

`add` costs a request one update under a lock; one thread a process writes what came together.
"""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)
EXTENSION = "shop_requests"  # where the app keeps it, for gunicorn's hooks to start and close it
SECONDS = 60.0
PROBES = ("/healthz", "/readyz", "/metrics")  # they come without end, also where nobody uses the shop
Key = tuple[str, str, int]


class RequestSummary:
    """The requests of one process since the last line, by method, route and status."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._found: dict[Key, tuple[int, float]] = {}
        self._ended = threading.Event()
        self._writer: threading.Thread | None = None

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; all three come from a small set, so that what is kept stays small."""
        if route.endswith(PROBES):
            return
        key = (method, route, status)
        with self._lock:
            count, slowest = self._found.get(key, (0, 0.0))
            self._found[key] = (count + 1, max(slowest, seconds))

    def start(self) -> None:
        """Write from now on; after the fork, as threads do not outlive it."""
        self._writer = threading.Thread(target=self._write_each_minute, name="request-summary", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what has come since the last line; the process ends."""
        self._ended.set()
        if self._writer is not None:
            self._writer.join(1.0)
        self.write()

    def write(self) -> None:
        """One line, or none where no request came; the most frequent first."""
        with self._lock:
            found, self._found = self._found, {}
        if not found:
            return
        by_count = sorted(found.items(), key=lambda each: (-each[1][0], each[0]))
        rows = [
            {"request": f"{method} {route}", "status": status, "count": count, "slowest_ms": round(slowest * 1000, 1)}
            for (method, route, status), (count, slowest) in by_count
        ]
        log.info("requests_answered", extra={"count": sum(row[0] for row in found.values()), "requests": rows})

    def _write_each_minute(self) -> None:
        while not self._ended.wait(self._seconds):
            self.write()
