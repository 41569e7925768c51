"""Clients that send too slowly, too much or nothing: they are ended, and everybody else is served meanwhile."""

from __future__ import annotations

import os
import re
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from shop_security import wire
from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from tests.conftest import Platform

HEAD = b"POST /scalable-shop-cm-server/buy HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
THREADS = 4


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]) -> Iterator[Any]:
    settings = {"HTTP_READ_TIMEOUT": "2", "HTTP_WORKERS": "1", "HTTP_THREADS": str(THREADS), "AUTH_MODE": "none"}
    with make_door(tmp_path_factory.mktemp("impatient"), **settings) as found:
        yield found


def connected(stack: ExitStack, door: Any) -> socket.socket:
    place = urlsplit(door.base_url)
    return stack.enter_context(socket.create_connection((place.hostname or "", place.port or 0), timeout=15))


def ended(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    found = b""
    while piece := connection.recv(4096):
        found += piece
    return found


@pytest.mark.security(23)
@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", None),
        (b"POST /scalable", b""),
        (HEAD, b""),
        (HEAD + b"Content-Length: 100\r\n\r\n", b"408"),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b"408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 50, b"408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Late: ", b"408"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD, b" 200 "),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", b" 404 "),
    ],
    ids=[
        *("silent", "half a line", "half a head", "no body", "half a body", "half a chunk", "half a chunk's size"),
        *("half a trailer", "half of the second", "refused by the head"),
    ],
)
def test_those_who_stop_hold_no_thread(impatient: Any, sent: bytes, answered: bytes | None) -> None:
    with ExitStack() as stack:
        slow = [connected(stack, impatient) for _ in range(3 * THREADS)]
        for connection in slow:
            connection.sendall(sent)
        assert impatient.request("GET", "/healthz", timeout=12).status == 200
        if answered is not None:
            assert all(answered in ended(connection)[:20] for connection in slow)


@pytest.mark.security(23)
def test_a_byte_now_and_then_is_no_way_around(impatient: Any) -> None:
    """Whatever trickles in is counted from the start of the request, not from the last byte."""
    with ExitStack() as stack:
        connection = connected(stack, impatient)
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        connection.settimeout(0.3)
        started, answer = time.monotonic(), b""
        while not answer and time.monotonic() - started < 12:
            try:
                connection.sendall(b" ")
                answer = connection.recv(4096)
            except TimeoutError:
                continue
        assert b" 408 " in answer


@pytest.mark.security(23)
def test_a_slow_request_that_makes_it_in_time_is_served(impatient: Any) -> None:
    body = b'{"username":"slow","userid":"slow","price":"free"}'
    with ExitStack() as stack:
        connection = connected(stack, impatient)
        connection.sendall(HEAD + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        for half in (body[:20], body[20:]):
            connection.sendall(half)
        assert b" 422 " in ended(connection)[:20], "the whole body was judged"


@pytest.mark.security(23)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b" 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"a" * 20_000 + b"\r\n\r\n", b" 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n", b" 400 "),
        (HEAD + b"Content-Length: 20000\r\n\r\n" + b" " * 20_000, b" 413 "),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 "),
        (HEAD + b"Content-Length: -1\r\n\r\n", b" 400 "),
    ],
    ids=["long line", "large header", "many headers", "large body", "two lengths", "negative length"],
)
def test_too_much_is_refused(impatient: Any, sent: bytes, status: bytes) -> None:
    with ExitStack() as stack:
        connection = connected(stack, impatient)
        connection.sendall(sent)
        answer = connection.recv(4096)
        assert answer.split(b"\r\n")[0].count(status.strip()) == 1 or b"431" in answer[:20] or b"414" in answer[:20]
        assert b"Traceback" not in answer


@pytest.mark.security(23)
def test_an_idle_connection_does_not_hold_up_an_end(
    tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]
) -> None:
    """As when passwords are renewed: nobody else is served until the worker has ended."""
    with ExitStack() as stack:
        leaving = stack.enter_context(ExitStack())
        settings = {"HTTP_WORKERS": "1", "AUTH_MODE": "none"}
        door = leaving.enter_context(make_door(tmp_path_factory.mktemp("leaving"), **settings))
        idle, silent = connected(stack, door), connected(stack, door)
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"Success"):  # head and body may come apart
            answer += idle.recv(4096)
        os.kill(worker_of(door), signal.SIGTERM)
        # Shorter than the grace of 20 seconds that gunicorn gives connections.
        assert ended(idle) == b"" and ended(silent) == b""


@pytest.mark.security(23, 31)
def test_who_is_pushed_out_while_it_says_something_takes_nobody_with_it(
    tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]
) -> None:
    """One look at the poller may tell of a newcomer and of the one that has to go for it."""
    with ExitStack() as stack:
        settings = {"HTTP_WORKERS": "1", "HTTP_CONNECTIONS": "16", "AUTH_MODE": "none"}
        door = stack.enter_context(make_door(tmp_path_factory.mktemp("full"), **settings))
        worker = worker_of(door)
        open_ = [connected(stack, door) for _ in range(32)]
        os.kill(worker, signal.SIGSTOP)
        open_ += [connected(stack, door) for _ in range(16)]
        for connection in open_:
            with suppress(OSError):
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        os.kill(worker, signal.SIGCONT)
        assert door.request("GET", "/healthz", timeout=12).status == 200
        assert worker_of(door) == worker, "the worker lives on"


@pytest.mark.security(31)
def test_who_asks_for_much_at_once_keeps_no_other_waiting(impatient: Any) -> None:
    """What is asked last, from another address, tells how much of all that was asked before it was answered."""
    greedy, port, worker = 300, urlsplit(impatient.base_url).port or 0, worker_of(impatient)
    with ExitStack() as stack:
        clients = [stack.enter_context(wire.connected(port, f"127.0.0.{2 + (n == greedy)}")) for n in range(greedy + 1)]
        for client in clients:  # so that each is accepted
            client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.answer().status == 200
        os.kill(worker, signal.SIGSTOP)
        for client in clients[:greedy]:
            client.send("HEAD {prefix}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        clients[-1].send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        os.kill(worker, signal.SIGCONT)
        told = clients[-1].answer().body.decode()
        done = re.search(r'_count\{method="HEAD",route="[^"]*openapi.json",status="200"\} ([0-9.]+)', told)
        assert float(done[1] if done else 0) < greedy / 4
        assert {client.answer("HEAD").status for client in clients[:greedy]} == {200}


SLOW = 2000
ADDRESSES = 3
BODY = b'{"username":"well","userid":"well","price":"1"}'
SHAPES = {
    "silent": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "waits to go on": HEAD + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
    "half a large body": HEAD.replace(b"buy", b"v1/purchases:batch")
    + b"Content-Length: 900000\r\n\r\n"
    + b"x" * 60_000,
    "refused by the head": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    "takes no answer": f"GET {PREFIX}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 20,
}


@pytest.mark.security(23, 31)
@pytest.mark.parametrize("shape", SHAPES)
def test_thousands_who_are_slow_cost_a_healthy_caller_nothing(platform: Platform, shape: str) -> None:
    """On the default workers. One round of six must do: at first the answers that nobody takes are made, up to their
    bound, and the machine does other things as well."""
    quiet = min(median_of(platform, "POST", "/buy", BODY) for _ in range(2))
    with ExitStack() as stack:
        for number in range(SLOW):
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
            slow.settimeout(10)
            slow.connect((HOST, platform.ports.cm_server))
            slow.setblocking(False)
            slow.send(SHAPES[shape])
        seen = []
        for _ in range(6):
            seen.append((median_of(platform, "GET", "/healthz"), median_of(platform, "POST", "/buy", BODY)))
            if seen[-1][0] < 0.1 and seen[-1][1] < 2 * quiet:
                return
    raise AssertionError(f"seconds of health and of a purchase: {seen}, quiet {quiet}")


def median_of(platform: Platform, method: str, path: str, body: bytes | None = None) -> float:
    return statistics.median(seconds_of(platform, method, path, body) for _ in range(30))


def seconds_of(platform: Platform, method: str, path: str, body: bytes | None) -> float:
    started = time.perf_counter()
    assert platform.request(method, path, body=body).status == 200
    return time.perf_counter() - started


def worker_of(door: Any) -> int:
    return int(re.findall(r"Booting worker with pid: (\d+)", door.log.read_text())[-1])
