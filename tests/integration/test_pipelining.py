"""Requests sent without waiting for answers (RFC 9112 §9.3.2): as many answers, in order, or an end that is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shop_security.wire import connected

if TYPE_CHECKING:
    from tests.conftest import Platform

BODY = '{"username":"pipe","userid":"pipe","price":"%d"}'


def request(method: str, path: str, body: str = "", *headers: str) -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


def chunked(path: str, body: str) -> str:
    half = len(body) // 2
    chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:half], body[half:]))
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"


MIXED = [
    ("GET", request("GET", "{prefix}/healthz"), 200),
    ("POST", request("POST", "{prefix}/buy", BODY % 1), 200),
    ("HEAD", request("HEAD", "{prefix}/healthz"), 200),
    ("POST", request("POST", "{prefix}/buy", "{"), 400),
    ("POST", chunked("{prefix}/buy", BODY % 2), 200),
    ("GET", request("GET", "{prefix}/nothing"), 404),
    ("POST", request("POST", "{prefix}/nothing", "x" * 300), 404),
    ("GET", request("GET", "{prefix}/healthz", "a body that nobody reads"), 200),
    ("DELETE", request("DELETE", "{prefix}/v1/users/nobody", ""), 202),
    ("PUT", request("PUT", "{prefix}/v1/products/a%2Fb", '{"name":"n","price":"1"}'), 202),
    ("OPTIONS", request("OPTIONS", "{prefix}/buy"), 200),
    ("POST", request("POST", "{prefix}/buy", BODY % 3, "Expect: 100-continue"), 200),
    ("GET", request("GET", "{prefix}/getAllUserBuys/pipe"), 200),
]
# Refused by its head, and the connection ended, where the body does not come at once: so it goes in one segment only.
TOO_LARGE = ("POST", request("POST", "{prefix}/buy", "x" * 20_000), 413)


@pytest.mark.parametrize("pieces", [0, 1, 13, 200], ids=["one segment", "bytes", "small pieces", "pieces"])
def test_each_request_has_its_answer_in_order(platform: Platform, pieces: int) -> None:
    mixed = MIXED if pieces else [*MIXED[:7], TOO_LARGE, *MIXED[7:]]
    with connected(platform.ports.cm_server) as client:
        client.send("".join(text for _, text, _ in mixed), pieces)
        assert [client.answer(method).status for method, _, _ in mixed] == [status for _, _, status in mixed]
        client.send(MIXED[0][1])
        assert client.answer().status == 200, "the connection goes on"


def test_a_hundred_purchases_in_one_segment_are_a_hundred_purchases(platform: Platform) -> None:
    with connected(platform.ports.cm_server, seconds=60) as client:
        client.send("".join(request("POST", "{prefix}/buy", BODY % number) for number in range(100)))
        receipts = [json.loads(client.answer().body)["receipt"] for _ in range(100)]
    offsets = [int(receipt.rpartition("-")[2]) for receipt in receipts]
    assert offsets == sorted(set(offsets)), "done in the order in which they were sent"


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (request("GET", "{prefix}/healthz", "", "Connection: close"), 200),
        (request("GET", "{prefix}/healthz", "", "Connection: TE, Close"), 200),
        ("nonsense\r\n\r\n", 400),
        ("POST {prefix}/buy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("GET {prefix}/healthz HTTP/1.0\r\n\r\n", 200),
    ],
    ids=["close", "a list with close", "no request", "no chunk", "HTTP/1.0"],
)
def test_what_ends_the_connection_is_told_and_nothing_after_it_is_done(
    platform: Platform, last: str, status: int
) -> None:
    first = request("GET", "{prefix}/healthz")
    with connected(platform.ports.cm_server) as client:
        client.send(first + last + request("POST", "{prefix}/buy", BODY % 9) * 3)
        assert client.answer().status == 200
        answer = client.answer()
        assert (answer.status, answer.headers["Connection"]) == (status, "close")
        assert client.ended()


def test_a_client_that_has_said_all_is_answered_yet(platform: Platform) -> None:
    """As by `printf … | nc`, which closes its side at once."""
    with connected(platform.ports.cm_server) as client:
        client.send(request("GET", "{prefix}/healthz") * 2 + request("POST", "{prefix}/buy", BODY % 1))
        client.sock.shutdown(1)
        assert [client.answer().status for _ in range(3)] == [200, 200, 200]
        assert client.ended()
