"""Thousands of clients that mean no good, in a process of their own so that they cost a healthy one no thread.

Each opens a connection, sends what its shape says and keeps it as long as it may; one that was answered or ended comes
again some seconds later, the first time sooner or later so that they do not come in waves. None sends more often than
that: who floods is a matter of limits, not of patience.
"""

from __future__ import annotations

import heapq
import os
import random
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from shopctl.layout import HOST, PREFIX

ADDRESSES = tuple(f"127.0.0.{number}" for number in range(2, 22))
SECONDS_BETWEEN = (8.0, 16.0)
SECONDS_AT_FIRST = (0.0, 16.0)
_BODY = b'{"username":"crowd","userid":"crowd","price":"1"}'
_BOUGHT = b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
_RECEIPT = "shop.purchases-5-99999999"


@dataclass(frozen=True)
class Shape:
    """What is sent (`%s` is for the lines of a credential); whether answers are taken, and the sending side closed."""

    sent: bytes
    reads: bool = True
    half_closed: bool = False


def _asks(line: str, rest: bytes = b"\r\n") -> bytes:
    method, path = line.split(" ")
    return f"{method} {PREFIX}{path} HTTP/1.1\r\nHost: x\r\n".encode() + b"%s" + rest


SHAPES = {
    "silent": Shape(b""),
    "half a head": Shape(_asks("POST /buy", b"")),
    "half a body": Shape(_asks("POST /buy", b"Content-Length: 100\r\n\r\n{")),
    "half a chunk": Shape(_asks("POST /buy", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")),
    "half a large body": Shape(_asks("POST /v1/purchases:batch", b"Content-Length: 900000\r\n\r\n" + b" " * 60_000)),
    "waits to go on": Shape(_asks("POST /buy", b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")),
    "takes no answer": Shape(_asks("GET /openapi.json") * 2, reads=False),
    "waits by preference": Shape(_asks("POST /v1/purchases", b"Prefer: wait=10\r\n" + _BOUGHT)),
    "waits for a receipt": Shape(_asks(f"GET /v1/receipts/{_RECEIPT}?wait=10")),
    "waits and is half closed": Shape(_asks(f"GET /v1/receipts/{_RECEIPT}?wait=10"), half_closed=True),
    "waits for a state": Shape(_asks(f"GET /v1/products?after={_RECEIPT}")),
    "waits for a batch": Shape(_asks("POST /v1/purchases:batch", b"Prefer: wait=10\r\n" + _BOUGHT)),
    "waits by HEAD": Shape(_asks(f"HEAD /v1/receipts/{_RECEIPT}?wait=10")),
    "refused by its head": Shape(_asks("POST /nowhere", b"Content-Length: 9\r\n\r\n")),
    "refused by its caller": Shape(_asks("DELETE /v1/users/somebody")),
    "refused by the grammar": Shape(b"POST /buy HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"),
}


class Crowd:
    """`number` clients of every shape, credential and address in turn."""

    def __init__(self, port: int, number: int, shapes: Sequence[Shape], credentials: Sequence[str]) -> None:
        self._port, self._shapes = port, shapes
        self._lines = [f"X-API-Key: {text}\r\n".encode() if text else b"" for text in credentials]
        self._poller = selectors.DefaultSelector()
        self._coming = [(0.0, member) for member in range(number)]  # a heap by time
        self._silent: list[socket.socket] = []  # kept, so that nobody closes them
        self._came_again: set[int] = set()

    def step(self) -> None:
        now = time.monotonic()
        while self._coming and self._coming[0][0] <= now:
            self._open(heapq.heappop(self._coming)[1])
        for key, _ in self._poller.select(0.05):
            with suppress(OSError):
                key.fileobj.recv(65536)  # type: ignore[union-attr]
            self._poller.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
            heapq.heappush(self._coming, (now + self._pause(key.data), key.data))

    @property
    def everybody_came(self) -> bool:
        return not self._coming or self._coming[0][0] > 0

    def _pause(self, member: int) -> float:
        known = member in self._came_again
        self._came_again.add(member)
        return random.uniform(*(SECONDS_BETWEEN if known else SECONDS_AT_FIRST))

    def _open(self, member: int) -> None:
        shape = self._shapes[member % len(self._shapes)]
        turn = member // len(self._shapes)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.bind((ADDRESSES[turn % len(ADDRESSES)], 0))
        sock.connect((HOST, self._port))
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.send(shape.sent.replace(b"%s", self._lines[turn // len(ADDRESSES) % len(self._lines)]))
        if shape.half_closed:
            sock.shutdown(socket.SHUT_WR)
        if shape.reads:
            self._poller.register(sock, selectors.EVENT_READ, member)
        else:
            self._silent.append(sock)


@contextmanager
def crowded(port: int, number: int, shapes: Sequence[str], credentials: Sequence[str]) -> Iterator[None]:
    """While the block runs, the crowd is there. A credential "" is none."""
    command = [sys.executable, "-m", "shop_security.crowd", str(port), str(number), ",".join(shapes)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([*command, *credentials], stdout=subprocess.PIPE, env=environ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"there\n", "the crowd did not come"
            yield
            assert process.poll() is None, "the crowd went away"
        finally:
            process.kill()


def main() -> None:
    port, number, shapes, *credentials = sys.argv[1:]
    crowd = Crowd(int(port), int(number), [SHAPES[name] for name in shapes.split(",")], credentials)
    told = False
    while True:
        crowd.step()
        if not told and crowd.everybody_came:
            told = bool(sys.stdout.write("there\n"))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
