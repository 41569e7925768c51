"""How bytes become requests: whole ones whatever the pieces, strict where proxies differ, and who gives up a place."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from gunicorn.config import Config

from shop_core.http.worker.bad_requests import Refused, answer
from shop_core.http.worker.body import MOST_BYTES, BodyWanted, Unfinished
from shop_core.http.worker.chunks import Chunks
from shop_core.http.worker.connection import BUSY, Connection
from shop_core.http.worker.connections import ConnectionTable
from shop_core.http.worker.head import HEAD_LIMIT

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b'3;a="b"\r\nhel\r\n2 ; c\r\nlo\r\n0\r\nx-trailer: 1\r\n\r\n'
)


@pytest.fixture
def make_connection() -> Iterator[Any]:
    with ExitStack() as stack:

        def make(client: tuple[str, int] = ("192.0.2.1", 1)) -> Connection:
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs)
            return Connection(stack.enter_context(ours), client, ("127.0.0.1", 80), Config())

        yield make


def taken(conn: Connection, data: bytes) -> list[tuple[str, str, bytes]]:
    """Method, target and body of each request that is whole after `data`."""
    conn.buffer += data
    found: list[tuple[str, str, bytes]] = []
    while True:
        conn.take()
        if not conn.whole:
            return found
        request = conn.request()
        found.append((request.method, request.uri, request.body.read()))
        conn.next()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_pieces_of_any_size_make_the_same_requests(make_connection: Any, size: int) -> None:
    sent = (GET + POST + b"\r\n" + CHUNKED) * 3
    conn, found = make_connection(), []
    for start in range(0, len(sent), size):
        found += taken(conn, sent[start : start + size])
    assert found == [("GET", "/a", b""), ("POST", "/b", b"hello"), ("PUT", "/c", b"hello")] * 3
    assert conn.idle


def test_pieces_at_random_make_the_same_requests(make_connection: Any) -> None:
    for seed in range(50):
        chance, conn, found, left = random.Random(seed), make_connection(), [], CHUNKED * 4 + POST
        while left:
            size = chance.randint(1, 40)
            found += taken(conn, left[:size])
            left = left[size:]
        assert [body for _, _, body in found] == [b"hello"] * 5


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /a HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: x\nY: z\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /a HTTP/3.0\r\nHost: x\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /a HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET /a HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"GET /a HTTP/1.1\r\n" + b"X: 1\r\n" * (HEAD_LIMIT // 6 + 2), 431),
        (b"GET /a HTTP/1.1\r\nExpect: magic\r\n\r\n", 417),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nIdempotency-Key: a\r\nidempotency-key: a\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nX-API-Key: a\r\nX-API-Key: b\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused(make_connection: Any, sent: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        taken(make_connection(), sent)
    assert refused.value.status == status
    head, _, body = answer(refused.value).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    problem = json.loads(body)
    assert lines[0].startswith(f"HTTP/1.1 {status} ") and problem["status"] == status
    assert headers["Content-Type"] == "application/problem+json" and headers["Connection"] == "close"
    assert int(headers["Content-Length"]) == len(body) and headers["X-Request-Id"] == problem["requestId"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "Content-Security-Policy" in headers


@pytest.mark.parametrize(
    "sent",
    [
        b"zz\r\n", b"\r\n", b"-1\r\n", b"0x5\r\n", b"5 \r\nhello\r\n", b"5\nhello\n", b"5;a\nb\r\nhello",
        b"5\r\nhelloX\r\n", b"5\r\nhello\n\n", b"0\r\nno trailer\r\n\r\n", b"0\r\n folded: 1\r\n\r\n",
        b"1" * 2000, b"fffffffff\r\n", b"0\r\n" + b"x: 1\r\n" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_chunk_that_is_none_is_refused(sent: bytes, size: int) -> None:
    chunks, buffer = Chunks(), bytearray()
    with pytest.raises(Refused):
        for start in range(0, len(sent), size):
            buffer += sent[start : start + size]
            chunks.take(buffer)


def test_a_body_that_is_not_in_is_asked_for_and_ends_the_connection_with_its_answer(make_connection: Any) -> None:
    conn = make_connection()
    assert taken(conn, POST[:-2]) == []
    request = conn.request()
    assert isinstance(request.body, Unfinished) and request.should_close()
    asks: list[tuple[Callable[[], bytes], int]] = [
        (lambda: request.body.read(100), 100),
        (request.body.readline, MOST_BYTES),
    ]
    for ask, most in asks:
        with pytest.raises(BodyWanted) as wanted:
            ask()
        assert wanted.value.most == most
    conn.wants(100)
    assert taken(conn, POST[-2:]) == [("POST", "/b", b"hello")]
    assert not conn.request.__self__.judged


def test_a_chunked_body_that_is_too_large_is_known_before_its_end(make_connection: Any) -> None:
    conn = make_connection()
    taken(conn, b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    conn.wants(100)
    taken(conn, b"64\r\n" + b"a" * 100 + b"\r\n")
    assert not conn.runs
    taken(conn, b"1\r\na")
    assert conn.runs and ("CONTENT-LENGTH", "101") in conn.request().headers
    with pytest.raises(Refused):
        conn.wants(100)


def test_whoever_holds_most_gives_up_what_was_used_least_recently(make_connection: Any) -> None:
    places = ConnectionTable(10)
    healthy = make_connection(("198.51.100.7", 1))
    places.add(healthy)
    many = [make_connection((f"2001:db8::{number:x}", 1)) for number in range(12)]
    gone = []
    for conn in many:
        places.add(conn)
        if conn is many[5]:
            places.used(many[0])
            many[1].state = BUSY
        if (leaving := places.surplus()) is not None:
            places.remove(leaving)
            gone.append(leaving)
    assert gone == [many[2], many[3], many[4]] and places.count == 10 and healthy in list(places)


def test_bytes_that_are_kept_are_bounded_as_well(make_connection: Any) -> None:
    places = ConnectionTable(10, most_bytes=1000)
    light, *heavy = [make_connection((f"192.0.2.{number}", 1)) for number in range(4)]
    for conn in (light, *heavy):
        places.add(conn)
    light.buffer += b"a" * 100
    assert places.heavy() == []
    for conn, size in zip(heavy, (300, 500, 400), strict=True):
        conn.sock.sendall(b"a" * size)
    assert places.heavy() == [heavy[1]]
