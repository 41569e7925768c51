"""What the head of a request says is taken at its word: codings, expectations, and what no route can answer."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from shop_security.wire import Client, connected

if TYPE_CHECKING:
    from tests.conftest import Platform

BODY = b'{"username":"head","userid":"head","price":"1"}'
BUY = "POST {prefix}/buy HTTP/1.1\r\nHost: x\r\n"
LONGEST = 5.0  # the read timeout is 20


@pytest.fixture
def client(platform: Platform) -> Any:
    with connected(platform.ports.cm_server) as found:
        yield found


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 404),
        ("DELETE {prefix}/buy HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 405),
        (BUY + "Content-Length: 20000\r\n\r\n", 413),
        (BUY + "Content-Length: 99999999999\r\n\r\n", 413),
        (BUY + "Expect: 100-continue\r\nContent-Length: 20000\r\n\r\n", 413),
        (BUY.replace("buy", "v1/purchases:batch") + "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n", 413),
        (BUY + "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\n", 415),
        (BUY + "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n", 415),
        (BUY + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 415),
        (BUY + f"Idempotency-Key: {'k' * 300}\r\nContent-Length: 9\r\n\r\n", 400),
        (BUY + f"Transfer-Encoding: chunked\r\n\r\n5000\r\n{'x' * 0x5000}\r\n", 413),
        ("GET {prefix}/healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 200),
    ],
)
def test_an_answer_that_needs_no_body_does_not_wait_for_it(client: Client, head: str, status: int) -> None:
    started = time.monotonic()
    client.send(head)
    answer = client.answer()
    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    assert client.ended() and time.monotonic() - started < LONGEST
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_that_is_wanted_is_asked_for_once(client: Client) -> None:
    client.send(BUY + f"Expect: 100-Continue\r\nContent-Length: {len(BODY)}\r\n\r\n")
    assert client.sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(BODY)
    answer = client.answer()
    assert (answer.status, answer.headers["Connection"]) == (200, "keep-alive")
    client.send(BUY.encode().replace(b"{prefix}", b"") + b"Content-Length: 0\r\n\r\n")
    assert client.answer().status == 404, "the connection goes on"


def test_a_large_body_that_is_refused_by_its_head_does_not_cost_the_answer(client: Client) -> None:
    client.send(BUY + "Content-Length: 2000000\r\n\r\n")
    client.send(b"x" * 2_000_000)
    assert client.answer().status == 413


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "br", "deflate", "identity, gzip", "zstd"])
@pytest.mark.parametrize("path", ["/buy", "/v1/purchases:batch", "/v1/products", "/analytics:batch", "/events/"])
def test_a_packed_body_is_refused_as_such(platform: Platform, path: str, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = platform.request("POST", path, body=gzip.compress(BODY), headers=headers)
    assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert answer.json()["field"] == "Content-Encoding"


@pytest.mark.parametrize("coding", ["identity", "", "Identity, identity"])
def test_a_body_that_is_as_it_is_may_say_so(platform: Platform, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    assert platform.request("POST", "/buy", body=BODY, headers=headers).status == 200


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "PATH_INFO", "X_Forwarded_For"])
def test_no_header_moves_the_address(client: Client, name: str) -> None:
    client.send(f"GET {{prefix}}/healthz HTTP/1.1\r\nHost: x\r\n{name}: /x\r\n\r\n")
    assert client.answer().status in (200, 400)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "Authorization", "X-API-Key", "Content-Type"])
@pytest.mark.parametrize("values", [("a", "b"), ("a", "a")])
def test_two_lines_of_what_may_come_once_are_refused(client: Client, name: str, values: tuple[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for value in values)
    client.send(f"{BUY}{lines}Content-Length: {len(BODY)}\r\n\r\n{BODY.decode()}")
    assert client.answer().status == 400


@pytest.mark.parametrize(
    "sent",
    [
        "nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "get / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /" + "a" * 9000,
        "GET / HTTP/1.1\r\nX: " + "a" * 20000 + "\r\n\r\n", "GET / HTTP/1.1\r\n" + "X: 1\r\n" * 100 + "\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET / HTTP/1.1\r\nExpect: magic\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n", BUY + "Transfer-Encoding: gzip\r\n\r\n", BUY + "Content-Length: -1\r\n\r\n",
        BUY + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", BUY + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        BUY + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=range(15),
)  # fmt: skip
def test_what_no_route_sees_is_a_problem_as_any_other(client: Client, sent: str) -> None:
    client.send(sent)
    answer = client.answer()
    problem = json.loads(answer.body)
    assert 400 <= answer.status == problem["status"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == problem["requestId"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("br;q=0.1, gzip;q=1", "gzip"),
        ("gzip, *;q=0.1", "gzip"),
        ("*", "br"),
        ("identity;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        (None, None),
    ],
)
def test_an_answer_is_packed_as_its_reader_likes_it_best(
    platform: Platform, accepts: str | None, coding: str | None
) -> None:
    lines = "\n".join(json.dumps({"username": "packed", "userid": "packed", "price": "1"}) for _ in range(20))
    headers = {"Content-Type": "application/x-ndjson"}
    bought = platform.request("POST", "/v1/purchases:batch", body=lines, headers=headers).json()
    path = f"/getAllUserBuys/packed?after={bought['results'][-1]['receipt']}"
    answer = platform.request("GET", path, headers={"Accept-Encoding": accepts} if accepts else {})
    assert (answer.status, answer.headers.get("Content-Encoding")) == (200, coding)
    assert answer.headers["Vary"] == "Accept-Encoding" and len(answer.json()["purchases"]) >= 20
