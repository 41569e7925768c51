"""Answers that go on after their route has ended: whoever has the next piece hands it to the loop, which sends it. So
who listens holds a connection and no thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shop_core.http.worker.connection import Connection

STREAM = "shop.stream"  # in a request's environ: call it with the most seconds it may last, and its answer goes on
LAST_CHUNK = b"0\r\n\r\n"


class Stream:
    """The rest of one answer. `gone` once the client is; what is sent then is lost.

    `send` and `end` are for any thread, all else is the loop's.
    """

    def __init__(self, seconds: float, tell: Callable[[Stream], None]) -> None:
        self.seconds = seconds
        self._tell = tell
        self._pieces: deque[bytes] = deque()
        self._over = False
        self.gone = False
        self.conn: Connection | None = None  # once the route has ended
        self.stays = self._chunked = False

    def send(self, data: bytes) -> None:
        """Have these bytes sent; never none, since that would be the end."""
        self._pieces.append(data)
        self._tell(self)

    def end(self) -> None:
        """Nothing more comes."""
        self._over = True
        self._tell(self)

    def begin(self, conn: Connection, stays: bool) -> None:
        """The route has ended: take the end off what it wrote. `stays` tells whether the connection may be kept."""
        self._chunked = conn.sock.waiting.endswith(LAST_CHUNK)
        if self._chunked:
            del conn.sock.waiting[-len(LAST_CHUNK) :]
        self.conn, self.stays = conn, stays and self._chunked

    def pour(self) -> bool:
        """Write what there is where the answer is written; whether that was the end of it."""
        over = self._over  # before the pieces: none comes after it
        while self._pieces and self.conn is not None:
            data = self._pieces.popleft()
            self.conn.sock.sendall(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        if over and self._chunked and self.conn is not None:
            self.conn.sock.sendall(LAST_CHUNK)
        return over
