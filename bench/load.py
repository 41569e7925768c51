"""A bounded closed-loop load on loopback: n connections, each sending the next request when its answer is in.

Raw sockets in processes of their own, so that the generator costs little beside what it measures.
"""

from __future__ import annotations

import json
import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Result:
    """Requests answered 2xx, others, and the seconds it took."""

    good: int
    bad: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.good / self.seconds


def buy_request(url: str, number: int, credentials: str = "") -> bytes:
    """POST of one purchase; a thousand users, so keys spread over every partition."""
    body = json.dumps({"username": f"user-{number % 1000}", "userid": f"id-{number % 1000}", "price": "19.90"}).encode()
    parts = urlsplit(url)
    known = f"Authorization: Bearer {credentials}\r\n" if credentials else ""
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"{known}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def closed_loop(
    url: str, connections: int, seconds: float, request: Callable[[str, int], bytes] = buy_request
) -> Result:
    """Load `url` for `seconds`; refuses any address but loopback."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    if host not in ("127.0.0.1", "localhost"):
        raise ValueError("the load goes to loopback only")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_loop, ((host, port), url, connections, seconds, request))


def _loop(
    address: tuple[str, int], url: str, connections: int, seconds: float, request: Callable[[str, int], bytes]
) -> Result:
    selector = selectors.DefaultSelector()
    requests = [request(url, number) for number in range(2000)]
    sent = good = bad = 0
    for _ in range(connections):
        connection = socket.create_connection(address, timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(requests[sent % len(requests)])
        sent += 1
        selector.register(connection, selectors.EVENT_READ)
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for key, _ in selector.select(timeout=1.0):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            answer = read_answer(ready)
            good, bad = (good + 1, bad) if answer[9:10] == b"2" else (good, bad + 1)
            ready.sendall(requests[sent % len(requests)])
            sent += 1
    return Result(good, bad, elapsed)


def read_answer(connection: socket.socket) -> bytes:
    """One whole answer, head and body, which may come in several pieces."""
    answer = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server closed a connection under load")
        answer += piece
        head, end, body = answer.partition(b"\r\n\r\n")
        if not end:
            continue
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(body) >= int(length or 0):
            return answer
