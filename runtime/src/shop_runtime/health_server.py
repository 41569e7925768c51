"""A small HTTP server for probes and metrics, which a crowd can neither stop nor make grow.

The kubelet restarts a pod whose health port is silent, so whoever holds that port holds the pod. Here one thread reads
and answers for everybody, without waiting for anybody. A connection has a request and a time; of too many, the network
that holds most gives up its oldest. A probe that comes is therefore always taken in.
"""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

from shop_runtime.addresses import network_of
from shop_runtime.content_coding import WORTH_BYTES, packed, takes_gzip

log = logging.getLogger(__name__)

CONNECTIONS = 64
READ_SECONDS = 5.0  # for a request to come whole
ANSWER_SECONDS = 10.0  # for its answer to be taken
NO_FILE_SECONDS = 0.1  # whoever waits stays in the backlog, so that asking again at once would only spin
HEAD_BYTES = 8 * 1024
BACKLOG = 1024
PIECE = 64 * 1024

# (status, content type, body) of a GET of this path.
Answer = Callable[[str], tuple[int, str, bytes]]


class _Connection:
    """One request, then its answer."""

    def __init__(self, plug: socket.socket, address: str, due: float) -> None:
        self.plug, self.network, self.due = plug, network_of(address), due
        self.head = bytearray()
        self.unsent: memoryview | None = None


class HealthServer:
    """Listens as soon as it is made; `run` answers until `close`, which another thread may call."""

    def __init__(self, answer: Answer, host: str, port: int, connections: int = CONNECTIONS) -> None:
        self._answer, self._most = answer, connections
        self._listener = _listener(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._poller = selectors.DefaultSelector()
        self._poller.register(self._listener, selectors.EVENT_READ)
        self._poller.register(self._woken, selectors.EVENT_READ)
        self._held: dict[_Connection, None] = {}  # the oldest first
        self._answers: dict[tuple[str, bool], bytes] = {}

    def close(self) -> None:
        self._wake.close()

    def run(self) -> None:
        while self._turn():
            self._end_late(time.monotonic())
        for conn in list(self._held):
            self._end(conn)
        for each in (self._listener, self._woken, self._poller):
            each.close()

    def _turn(self) -> bool:
        """Do what can be done at once; False once it is closed."""
        first = min((conn.due for conn in self._held), default=None)
        ready = self._poller.select(None if first is None else max(0.0, first - time.monotonic()))
        # Those whose requests were there when the turn began get one answer: a crowd at /metrics costs one text a turn.
        self._answers.clear()
        for key, _ in ready:
            if key.fileobj is self._woken:
                return False
            if key.fileobj is self._listener:
                self._accept()
            elif key.data in self._held:  # else it gave up its place in this turn
                self._go_on(key.data)
        return True

    def _accept(self) -> None:
        for _ in range(self._most):
            try:
                plug, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._not_accepted(error)
                return
            plug.setblocking(False)
            conn = _Connection(plug, address[0], time.monotonic() + READ_SECONDS)
            self._held[conn] = None
            self._poller.register(plug, selectors.EVENT_READ, conn)
            if len(self._held) > self._most:
                self._make_room()

    def _not_accepted(self, error: OSError) -> None:
        """The client has gone again, or the process has no file descriptor left: then one of ours goes."""
        if error.errno in (errno.EMFILE, errno.ENFILE):
            log.warning("health_connection_refused", extra={"detail": str(error)})
            self._make_room()
            time.sleep(NO_FILE_SECONDS)

    def _make_room(self) -> None:
        """The oldest connection of the network that holds most goes."""
        counts = Counter(conn.network for conn in self._held)
        if counts:
            most = max(counts, key=counts.__getitem__)
            self._end(next(conn for conn in self._held if conn.network == most))

    def _go_on(self, conn: _Connection) -> None:
        try:
            if conn.unsent is None:
                self._read(conn)
            if conn.unsent is not None:
                conn.unsent = conn.unsent[conn.plug.send(conn.unsent) :]
                if not conn.unsent:
                    self._end(conn)
        except BlockingIOError:
            return
        except OSError:
            self._end(conn)

    def _read(self, conn: _Connection) -> None:
        piece = conn.plug.recv(PIECE)
        conn.head += piece
        if b"\r\n\r\n" in conn.head:
            conn.unsent = memoryview(self._answer_to(bytes(conn.head)))
        elif len(conn.head) > HEAD_BYTES:
            conn.unsent = memoryview(_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "text/plain", b"too large"))
        elif not piece:
            self._end(conn)
        if conn.unsent is not None:
            conn.due = time.monotonic() + ANSWER_SECONDS
            self._poller.modify(conn.plug, selectors.EVENT_WRITE, conn)

    def _answer_to(self, head: bytes) -> bytes:
        words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return _response(HTTPStatus.BAD_REQUEST, "text/plain", b"bad request")
        if words[0] not in ("GET", "HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET and HEAD")
        path = words[1].partition("?")[0]
        packs = takes_gzip(_accept_encoding(head))
        if (path, packs) not in self._answers:
            self._answers[path, packs] = _response(*self._asked(path), packs=packs)
        whole = self._answers[path, packs]
        return whole if words[0] == "GET" else whole[: whole.index(b"\r\n\r\n") + 4]

    def _asked(self, path: str) -> tuple[int, str, bytes]:
        try:
            return self._answer(path)
        except Exception:
            log.exception("health_answer_failed", extra={"path": path})
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"failed; the log has it"

    def _end_late(self, now: float) -> None:
        for conn in [conn for conn in self._held if conn.due <= now]:
            self._end(conn)

    def _end(self, conn: _Connection) -> None:
        self._poller.unregister(conn.plug)
        with suppress(OSError):
            conn.plug.shutdown(socket.SHUT_WR)
        conn.plug.close()
        del self._held[conn]


@contextmanager
def serve(answer: Answer, host: str, port: int) -> Iterator[int]:
    """Answer on host:port, in a thread of its own, until the block ends; yields the port."""
    server = HealthServer(answer, host, port)
    thread = threading.Thread(target=server.run, name="health", daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.close()
        thread.join(READ_SECONDS)  # an answer that hangs must not keep the process


def _listener(host: str, port: int) -> socket.socket:
    """On an address of either family; `*` and `::` are every one of both, where the machine has both."""
    both = socket.has_dualstack_ipv6()
    version_6 = ":" in host or (host == "*" and both)
    found = socket.create_server(
        ("" if host == "*" else host, port),
        family=socket.AF_INET6 if version_6 else socket.AF_INET,
        backlog=BACKLOG,
        dualstack_ipv6=version_6 and both,
    )
    found.setblocking(False)
    return found


def _accept_encoding(head: bytes) -> str:
    """The request's field of that name; of several, all that they say."""
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    return b",".join(value for name, _, value in lines if name.lower() == b"accept-encoding").decode("latin-1")


def _response(status: int, kind: str, body: bytes, *, packs: bool = False) -> bytes:
    """`packs`: in gzip, where that is worth it."""
    coding = ""
    if packs and len(body) >= WORTH_BYTES:
        body, coding = packed(body), "Content-Encoding: gzip\r\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\n{coding}"
        f"Vary: Accept-Encoding\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
