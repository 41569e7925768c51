"""One client's connection: what has come, the request that it makes, and until when the next step must be done.

A connection is with the poller (`reading`, `sending`, `streaming`, `leaving`) or with a thread (`busy`), never
with both.
"""

from __future__ import annotations

import io
import socket
from typing import Any

from shop_core.http.worker.bad_requests import Refused
from shop_core.http.worker.body import MOST_BYTES, Unfinished
from shop_core.http.worker.chunks import Chunks
from shop_core.http.worker.head import Head, end_of_head, read_head
from shop_core.http.worker.write_buffer import WriteBuffer
from shop_runtime.addresses import network_of

READING, BUSY, SENDING, STREAMING, LEAVING, ENDED = "reading", "busy", "sending", "streaming", "leaving", "ended"


class Connection:
    """`sock` is what gunicorn writes to, `plug` the socket itself, `due` when patience with it ends."""

    def __init__(self, plug: socket.socket, client: Any, server: Any, cfg: Any) -> None:
        plug.setblocking(False)
        self.plug, self.client, self.server, self.cfg = plug, client, server, cfg
        self.network = network_of(client[0] if isinstance(client, tuple) else "")
        self.sock = WriteBuffer(plug)
        self.state = READING
        self.watched = 0  # the event that the poller watches it for
        self.due = 0.0
        self.taken = 0  # requests of which a head was read
        self.discarded = 0  # bytes that came after the last answer
        self.buffer = bytearray()
        self._searched = 0
        self._begin()

    def _begin(self) -> None:
        self.head: Head | None = None
        self.judged = False  # whether a route has seen the head alone and wants the body
        self.most = MOST_BYTES
        self._chunks: Chunks | None = None
        self._body = bytearray()

    @property
    def idle(self) -> bool:
        """Nothing of a next request has come."""
        return self.state == READING and self.head is None and not self.buffer

    @property
    def weight(self) -> int:
        """Bytes that are kept for it."""
        return len(self.buffer) + len(self.body) + len(self.sock.waiting)

    @property
    def body(self) -> bytearray:
        return self._chunks.data if self._chunks else self._body

    @property
    def whole(self) -> bool:
        if self.head is None:
            return False
        return self._chunks.whole if self._chunks else len(self._body) == self.head.length

    @property
    def runs(self) -> bool:
        """Whether a route is to run now: the request is whole, or larger than the route takes."""
        return self.whole or (self.head is not None and len(self.body) > self.most)

    def take(self) -> None:
        """Make what can be made of the bytes that have come; `Refused` where they are no request."""
        if self.head is None:
            while self.buffer.startswith(b"\r\n"):  # an empty line before a request says nothing (RFC 9112 §2.2)
                del self.buffer[:2]
            end = end_of_head(self.buffer, max(0, self._searched - 3), self.cfg.limit_request_line)
            if end is None:
                self._searched = len(self.buffer)
                return
            head = bytes(self.buffer[:end])
            del self.buffer[:end]
            self._searched = 0
            self.taken += 1
            self.head = read_head(head, self.cfg, self.client, self.taken)
            self._chunks = Chunks() if self.head.length is None else None
        if self._chunks:
            self._chunks.take(self.buffer)
        elif self.head.length and self.buffer:
            piece = self.buffer[: self.head.length - len(self._body)]
            self._body += piece
            del self.buffer[: len(piece)]

    def wants(self, most: int) -> None:
        """A route has asked for the body, of which it takes `most` bytes."""
        if self.head is not None and self.head.length is not None and self.head.length > MOST_BYTES:
            raise Refused(413, f"The body is longer than {MOST_BYTES} bytes.")
        if self.judged and len(self.body) > self.most:
            raise Refused(413, f"The body is longer than {self.most} bytes.")
        self.judged, self.most = True, most
        if self.head is not None and self.head.expects_continue and not self.body:
            self.head.expects_continue = False
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def request(self) -> Any:
        """gunicorn's request, with the body as far as it is in; the connection ends with an answer that came first."""
        if self.head is None:
            raise RuntimeError("no head was read")
        request = self.head.request
        request.body = io.BytesIO(self.body) if self.whole else Unfinished()
        request.must_close = self.head.closes or not self.whole
        if self._chunks and (self.whole or len(self.body) > self.most):
            # Decoded, as a gateway would pass it on (RFC 9112 §7.1.3); of one that is too large this much is known.
            kept = [header for header in request.headers if header[0] not in ("TRANSFER-ENCODING", "CONTENT-LENGTH")]
            request.headers = [*kept, ("CONTENT-LENGTH", str(len(self.body)))]
        return request

    def next(self) -> None:
        """The answer is out: make room for the next request."""
        self.sock.kept, self.sock.stream = {}, None
        self._begin()
