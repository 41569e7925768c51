"""gunicorn's thread worker with an end to its patience: a request must be in whole within `HTTP_READ_TIMEOUT` seconds.

gunicorn's own has no limit on how slowly a head or a body may come, so a few clients that send a byte now and then
could hold every thread. Here one thread looks at the clock for all: what is late is shut for reading, which its
handler sees as an end (no answer for a head, 408 for a body). A new connection that says nothing holds no thread.
Nor does a worker that is to end wait for connections that say nothing; gunicorn's own waits its whole grace for them.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers import gthread
from werkzeug.exceptions import ClientDisconnected, RequestTimeout

SILENT_SECONDS = 0.05
ANSWER_SECONDS = 30  # longest wait for a client that does not take its answer
DEFAULT_READ_SECONDS = 20


class Deadlines:
    """Until when each socket must have sent its request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[socket.socket, float] = {}
        self._late: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self, sock: socket.socket) -> None:
        with self._lock:
            self._due[sock] = time.monotonic() + self._seconds

    def met(self, sock: socket.socket) -> None:
        """The request is in."""
        with self._lock:
            self._due.pop(sock, None)

    def end(self, sock: socket.socket) -> None:
        with self._lock:
            self._due.pop(sock, None)
            self._late.discard(sock)

    def late(self, sock: socket.socket) -> bool:
        return sock in self._late

    def look(self) -> None:
        """Shut what is late."""
        now = time.monotonic()
        with self._lock:
            late = [sock for sock, due in self._due.items() if due <= now]
            for sock in late:
                del self._due[sock]
                self._late.add(sock)
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)


class Body:
    """The request's body; notes when it is in, and is 408 where it came too late."""

    def __init__(self, body: Any, length: int | None, deadlines: Deadlines, sock: socket.socket) -> None:
        self._body, self._left, self._deadlines, self._sock = body, length, deadlines, sock
        self._told = False

    def read(self, size: int = -1) -> bytes:
        return self._noted(partial(self._body.read) if size is None or size < 0 else partial(self._body.read, size))

    def readline(self, size: int = -1) -> bytes:
        return self._noted(partial(self._body.readline) if size < 0 else partial(self._body.readline, size))

    def _noted(self, take: Callable[[], bytes]) -> bytes:
        try:
            piece = take()
        except OSError as error:  # gunicorn's word for a body that ends too early
            if not self._deadlines.late(self._sock):
                raise ClientDisconnected from error
            piece = b""
        if self._deadlines.late(self._sock):
            if self._told:  # whoever reads on finds the end
                return b""
            self._told = True
            raise RequestTimeout("The request took too long to come.")
        if self._left is not None:
            self._left -= len(piece)
        if self._left == 0 or not piece:
            self._deadlines.met(self._sock)
        return piece


class PatientWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """The worker class that `shop_core.serve` starts."""

    wsgi: Any

    def init_process(self) -> None:
        seconds = float(os.environ.get("HTTP_READ_TIMEOUT", DEFAULT_READ_SECONDS))
        self.deadlines = Deadlines(seconds)
        threading.Thread(target=self._watch, args=(min(1.0, seconds / 4),), name="deadlines", daemon=True).start()
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app: Any = self.wsgi
        self.app_made = app  # what gunicorn's hooks look into
        self.wsgi = self._timed(app)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            self.wait_for_and_dispatch_events(timeout=0)  # what was said until now is answered yet
            for conn in (*self.keepalived_conns, *self.pending_conns):
                conn.timeout = 0
            self.murder_keepalived()
            self.murder_pending()

    def handle(self, conn: Any) -> Any:
        if not conn.initialized and not conn.data_ready and not conn.wait_for_data(SILENT_SECONDS):
            return gthread._DEFER
        sock = conn.sock
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", ANSWER_SECONDS, 0))
        self.deadlines.start(sock)
        try:
            return super().handle(conn)
        finally:
            self.deadlines.end(sock)

    def _timed(self, app: Callable[..., Any]) -> Callable[..., Any]:
        def timed(environ: dict[str, Any], start_response: Any) -> Any:
            sock, length = environ["gunicorn.socket"], environ.get("CONTENT_LENGTH")
            if length is None and "HTTP_TRANSFER_ENCODING" not in environ:
                self.deadlines.met(sock)
            else:
                size = int(length) if length else None
                environ["wsgi.input"] = Body(environ["wsgi.input"], size, self.deadlines, sock)
            return app(environ, start_response)

        return timed

    def _watch(self, pause: float) -> None:
        while True:
            time.sleep(pause)
            self.deadlines.look()
