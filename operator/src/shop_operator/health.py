"""Health and metrics over HTTP, in a thread of their own.

Liveness asks only whether the loops go round. Readiness is true for a standby as well: it is ready to take over.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import generate_latest

STUCK_AFTER = 60.0


class Health:
    """`beat` on every round of the main loop; `trouble` is what the start waits for, '' when all is well."""

    def __init__(self) -> None:
        self.trouble = "starting"
        self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """(status, content type, body) of a GET."""
        age = time.monotonic() - self._last
        if path == "/healthz":
            alive = age <= STUCK_AFTER
            return (200 if alive else 503), "text/plain", b"Success" if alive else f"last loop {age:.0f} s ago".encode()
        if path == "/readyz":
            detail = {"ok": not self.trouble, "detail": self.trouble or "answers"}
            body = {"ready": not self.trouble, "dependencies": {"kubernetes": detail}}
            return (503 if self.trouble else 200), "application/json", json.dumps(body).encode()
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest()
        return 404, "text/plain", b"not found"

    @contextmanager
    def serve(self, host: str, port: int) -> Iterator[int]:
        """Answer on host:port until the block ends; yields the port."""
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
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
