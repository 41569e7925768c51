"""Requests byte by byte, for what no well-behaved client would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from typing import Any

from shopctl.layout import HOST, PREFIX


@dataclass(frozen=True)
class Answer:
    """One answer, read whole."""

    status: int
    headers: HTTPMessage
    body: bytes


class Client:
    """One connection to a server of ours."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, data: str | bytes, pieces: int = 0) -> None:
        """`data` as it is, in as many segments as `pieces` bytes each make; `{prefix}` of a text is filled in."""
        sent = data.replace("{prefix}", PREFIX).encode() if isinstance(data, str) else data
        size = pieces or len(sent)
        for start in range(0, len(sent), size):
            self.sock.sendall(sent[start : start + size])

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, without a byte of the one after it."""
        found = HTTPResponse(_Unbuffered(self.sock), method=method)  # type: ignore[arg-type]
        found.begin()
        return Answer(found.status, found.headers, found.read())

    def ended(self) -> bool:
        """Whether the server closes and says nothing more."""
        try:
            return self.sock.recv(4096) == b""
        except ConnectionResetError:
            return True


class _Unbuffered:
    """What HTTPResponse makes its file of: nothing of the next answer is taken with this one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> Any:
        return self._sock.makefile("rb", buffering=0)


@contextmanager
def connected(port: int, source: str = HOST, seconds: float = 15) -> Iterator[Client]:
    """A connection from the address `source`, closed at the end of the block."""
    with socket.create_connection((HOST, port), timeout=seconds, source_address=(source, 0)) as sock:
        yield Client(sock)
