"""Where an answer is written: memory first, so that a client that does not read holds no thread."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from shop_core.http.worker.streams import Stream


class WriteBuffer:
    """As much of a socket as gunicorn's response needs. `kept` outlives a request that has to run again, `stream` is
    the rest of an answer that goes on."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.waiting = bytearray()
        self.kept: dict[str, Any] = {}
        self.stream: Stream | None = None

    def sendall(self, data: bytes) -> None:
        self.waiting += data

    def flush(self) -> bool:
        """Send what the client takes now; whether all of it is out. `OSError` where the client is gone."""
        while self.waiting:
            with suppress(BlockingIOError, InterruptedError):
                sent = self._sock.send(self.waiting)
                del self.waiting[:sent]
                continue
            return False
        return True
