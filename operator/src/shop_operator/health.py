"""Health and metrics over HTTP, in a thread of their own.

Liveness asks only whether the loops go round, and whether a look hangs. Readiness is true for a standby as well: it is
ready to take over.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import generate_latest

STUCK_AFTER = 60.0
# Whatever a look waits for has a time of its own, each far below this.
HANGS_AFTER = 300.0


def _family(host: str) -> socket.AddressFamily:
    """IPv6 hears IPv4 as well, where the machine has it."""
    wide = host == "*" and socket.has_dualstack_ipv6()
    return socket.AF_INET6 if wide or ":" in host else socket.AF_INET


class _Server(ThreadingHTTPServer):
    """On an address of either family; `::` is every one of both."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], family: int) -> None:
        self.address_family = family
        super().__init__(address, handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


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

        server = _Server(("" if host == "*" else host, port), Handler, family=_family(host))
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
