"""Health and metrics, by the health server that every process has.

Liveness asks only whether the loops go round, and whether a look hangs. Readiness is true for a standby as well: it is
ready to take over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from prometheus_client import generate_latest

from shop_runtime import health_server

STUCK_AFTER = 60.0
# Whatever a look waits for has a time of its own, each far below this.
HANGS_AFTER = 300.0


class Health:
    """`beat` on every round of the main loop; `trouble` is what the start waits for, '' when all is well; `oldest`
    tells for how long a look has been running."""

    def __init__(self) -> None:
        self.trouble = "starting"
        self._last = time.monotonic()
        self.oldest: Callable[[], float] = lambda: 0.0

    def beat(self) -> None:
        self._last = time.monotonic()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of a GET."""
        age = time.monotonic() - self._last
        if path == "/healthz":
            if age > STUCK_AFTER:
                return 503, "text/plain", f"last loop {age:.0f} s ago".encode()
            if (hangs := self.oldest()) > HANGS_AFTER:
                return 503, "text/plain", f"a look has been running for {hangs:.0f} s".encode()
            return 200, "text/plain", b"Success"
        if path == "/readyz":
            detail = {"ok": not self.trouble, "detail": self.trouble or "answers"}
            body = {"ready": not self.trouble, "dependencies": {"kubernetes": detail}}
            return (503 if self.trouble else 200), "application/json", json.dumps(body).encode()
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest()
        return 404, "text/plain", b"not found"

    def serve(self, host: str, port: int) -> AbstractContextManager[int]:
        """Answer on host:port until the block ends; gives the port."""
        return health_server.serve(self.answer, host, port)
