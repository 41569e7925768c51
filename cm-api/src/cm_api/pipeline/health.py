"""Health and metrics of a consumer, by the health server that every process has.

Liveness asks only whether the loop goes round; readiness says by name what the loop waits for, and that it works.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from shop_core.telemetry import metrics
from shop_runtime import health_server

STUCK_AFTER = 60.0
READY_WITHIN = 30.0


class Health:
    """`beat` on every round of the loop, `succeeded` on every one that did what it had to.

    `trouble` is what the loop waits for, `kafka` why Kafka does not answer, `partitions` tells which can't be read on.
    """

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.kafka: str | None = None
        self.partitions: Callable[[], str | None] = lambda: None
        self._last = self._good = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    def succeeded(self) -> None:
        self._good = time.monotonic()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of a GET."""
        if path == "/healthz":
            age = time.monotonic() - self._last
            alive = age <= STUCK_AFTER
            said = b"Success" if alive else f"last loop {age:.0f} s ago".encode()
            return (200 if alive else 503), "text/plain", said
        if path == "/readyz":
            waits = {"pipeline": self._pipeline(), "kafka": self.kafka, "partitions": self.partitions()}
            ok = not any(waits.values())
            dependencies = {name: {"ok": not why, "detail": why or "answers"} for name, why in waits.items()}
            body = json.dumps({"ready": ok, "dependencies": dependencies}).encode() + b"\n"
            return (200 if ok else 503), "application/json", body
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", metrics.render()
        return 404, "text/plain", b"not found"

    def _pipeline(self) -> str | None:
        """What the loop waits for; a loop that hangs remembers nothing, but its last good round gets old."""
        age = time.monotonic() - self._good
        return self.trouble or (f"no round succeeded for {age:.0f} s" if age > READY_WITHIN else None)

    def serve(self, host: str, port: int) -> AbstractContextManager[int]:
        """Answer on host:port until the block ends; gives the port."""
        return health_server.serve(self.answer, host, port)
