"""Health and metrics of a consumer, on a small HTTP server in a thread of its own.

Liveness asks only whether the loop goes round; readiness says by name what the loop waits for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shop_core.telemetry import metrics

STUCK_AFTER = 60.0


class Health:
    """`beat` on every round of the loop; `trouble` is what it waits for, None when all is well."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of a GET."""
        age = time.monotonic() - self._last
        if path == "/healthz":
            alive = age <= STUCK_AFTER
            return (
                (200 if alive else 503),
                "text/plain",
                b"Success" if alive else f"last loop {age:.0f} s ago".encode(),
            )
        if path == "/readyz":
            ok = self.trouble is None
            body = {
                "ready": ok,
                "dependencies": {"pipeline": {"ok": ok, "detail": self.trouble or "answers"}},
            }
            return (200 if ok else 503), "application/json", json.dumps(body).encode() + b"\n"
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", metrics.render()
        return 404, "text/plain", b"not found"

    @contextmanager
    def serve(self, host: str, port: int) -> Iterator[None]:
        """Answer on host:port until the block ends."""
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = health.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Probes are not news."""

        server = ThreadingHTTPServer((host, port), Handler)
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
