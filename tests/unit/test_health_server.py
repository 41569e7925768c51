"""The health port under a crowd: who asks for liveness or metrics is answered, and nothing grows."""

from __future__ import annotations

import errno
import gzip
import http.client
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import cm_api.pipeline.health
import shop_operator.health
from shop_runtime import health_server
from shop_runtime.health_server import CONNECTIONS, HealthServer, serve

CROWD = 8 * CONNECTIONS
LONG = b"x" * (16 * 1024 * 1024)  # more than the buffers between two sockets hold
HEALTHS: list[Callable[[], cm_api.pipeline.health.Health | shop_operator.health.Health]] = [
    cm_api.pipeline.health.Health,
    shop_operator.health.Health,
]


def answer(path: str) -> tuple[int, str, bytes]:
    if path == "/broken":
        raise RuntimeError("a fault of ours")
    found = {"/healthz": b"Success", "/long": LONG}.get(path)
    return (404, "text/plain", b"not found") if found is None else (200, "text/plain", found)


@pytest.fixture
def port() -> Iterator[int]:
    with serve(answer, "127.0.0.1", 0) as found:
        yield found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def exchanged(port: int, sent: bytes) -> bytes:
    """What comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plug:
        plug.sendall(sent)
        return b"".join(iter(lambda: plug.recv(65536), b""))


@pytest.mark.parametrize(
    ("field", "coding"),
    [("gzip", b"gzip"), ("identity;q=0.5, GZIP;q=1", b"gzip"), ("br, deflate", None), ("gzip;q=0", None),
     ("gzip;q=0.1, identity", None), ("", None)],
)  # fmt: skip
def test_a_long_answer_is_packed_for_who_takes_gzip(port: int, field: str, coding: bytes | None) -> None:
    named = f"Accept-Encoding: {field}\r\n" if field else ""
    for path, length in (("/long", len(LONG)), ("/healthz", len(b"Success"))):
        head, _, body = exchanged(port, f"GET {path} HTTP/1.1\r\n{named}\r\n".encode()).partition(b"\r\n\r\n")
        is_packed = coding is not None and path == "/long"
        assert (b"Content-Encoding: gzip" in head) == is_packed
        assert f"Content-Length: {len(body)}".encode() in head
        assert len(gzip.decompress(body) if is_packed else body) == length


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    found = connection.getresponse()
    found.read()
    connection.close()
    return found.status


def crowded(stack: ExitStack, port: int, sent: bytes, size: int = CROWD) -> list[socket.socket]:
    """So many connections of a few addresses that are not the caller's."""
    plugs = []
    for number in range(size):
        plug = stack.enter_context(socket.socket())
        plug.settimeout(20)
        plug.bind((f"127.0.1.{number % 8 + 1}", 0))
        plug.connect(("127.0.0.1", port))
        with suppress(ConnectionError):  # it gave up its place
            plug.sendall(sent)
        plugs.append(plug)
    return plugs


@pytest.mark.security(31)
@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /he", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"GET /metrics HTTP/1.1\r\n\r\n"],
    ids=["silent", "half a line", "half a head", "takes no answer"],
)
@pytest.mark.parametrize("make", HEALTHS, ids=["consumer", "operator"])
def test_a_crowd_stops_neither_liveness_nor_metrics(make: Callable[[], object], sent: bytes) -> None:
    health = make()
    served: AbstractContextManager[int] = health.serve("127.0.0.1", 0)  # type: ignore[attr-defined]
    with served as port, ExitStack() as stack:
        threads, files = threading.active_count(), open_files()
        crowded(stack, port, sent)
        assert status(port, "/healthz") == status(port, "/metrics") == 200
        assert threading.active_count() == threads
        assert open_files() <= files + CROWD + CONNECTIONS + 1


def test_whoever_holds_most_gives_up_its_oldest(port: int) -> None:
    """So a probe whose request comes late finds its place still."""
    with ExitStack() as stack:
        probe = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        crowd = crowded(stack, port, b"")
        assert crowd[0].recv(1) == b"", "the oldest of the crowd has gone"
        probe.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert probe.recv(12) == b"HTTP/1.1 200"


def test_those_who_take_no_answer_leave_room_for_others() -> None:
    server = HealthServer(answer, "127.0.0.1", 0, connections=4)
    with running(server), ExitStack() as stack:
        crowded(stack, server.port, b"GET /long HTTP/1.1\r\n\r\n", 8)
        assert status(server.port, "/healthz") == 200
        assert exchanged(server.port, b"GET /long HTTP/1.1\r\n\r\n").endswith(LONG)


@pytest.mark.parametrize("sent", [b"", b"GET /long HTTP/1.1\r\n\r\n"], ids=["sends nothing", "takes nothing"])
def test_who_is_late_is_ended(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "READ_SECONDS", 0.05)
    monkeypatch.setattr(health_server, "ANSWER_SECONDS", 0.05)
    server, ended = HealthServer(answer, "127.0.0.1", 0), threading.Event()
    end = server._end

    def noted(conn: Any) -> None:
        end(conn)
        ended.set()

    monkeypatch.setattr(server, "_end", noted)
    with running(server), socket.create_connection(("127.0.0.1", server.port), timeout=20) as plug:
        plug.sendall(sent)
        assert ended.wait(20)
        assert len(b"".join(iter(lambda: plug.recv(65536), b""))) < len(LONG)


def test_a_byte_now_and_then_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "READ_SECONDS", 0.2)
    with serve(answer, "127.0.0.1", 0) as port, socket.create_connection(("127.0.0.1", port)) as plug:
        plug.settimeout(0.02)
        with suppress(ConnectionError):
            while True:
                plug.sendall(b"x")
                with suppress(TimeoutError):
                    if not plug.recv(1):
                        break


def test_the_same_question_at_once_is_answered_once() -> None:
    """A crowd at /metrics costs one text a turn, not one a connection."""
    asked: list[str] = []
    entered, free = threading.Event(), threading.Event()

    def slow(path: str) -> tuple[int, str, bytes]:
        asked.append(path)
        entered.set()
        free.wait(20)
        return 200, "text/plain", b""

    with serve(slow, "127.0.0.1", 0) as port, ExitStack() as stack:
        crowd = crowded(stack, port, b"GET /first HTTP/1.1\r\n\r\n", 1)
        assert entered.wait(20)
        crowd += crowded(stack, port, b"GET /metrics HTTP/1.1\r\n\r\n", 20)
        free.set()
        assert all(plug.recv(12) == b"HTTP/1.1 200" for plug in crowd)
        assert len(asked) < 10
        before = len(asked)
        assert status(port, "/metrics") == 200
    assert len(asked) == before + 1, "whoever asks later is told anew"


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET /healthz?x=1 HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET /nowhere HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"\x16\x03\x01 is TLS\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /" + b"x" * health_server.HEAD_BYTES, b"HTTP/1.1 431 Request Header Fields Too Large"),
    ],
    ids=["GET", "with a query", "unknown", "POST", "not HTTP", "endless"],
)
def test_each_request_has_its_answer(port: int, sent: bytes, found: bytes) -> None:
    assert exchanged(port, sent).partition(b"\r\n")[0] == found


def test_head_has_no_body(port: int) -> None:
    head = exchanged(port, b"HEAD /healthz HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 7\r\n" in head and head.endswith(b"\r\n\r\n")


def test_a_fault_in_an_answer_is_logged_and_stops_nothing(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert status(port, "/broken") == 500
    assert [record.getMessage() for record in caplog.records] == ["health_answer_failed"]
    assert status(port, "/healthz") == 200


def test_without_file_descriptors_one_of_ours_goes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as there is one again, whoever waited in the backlog is answered."""
    left = [3]
    accept = socket.socket.accept

    def scarce(plug: socket.socket) -> tuple[socket.socket, object]:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(plug)

    monkeypatch.setattr(socket.socket, "accept", scarce)
    assert status(port, "/healthz") == 200 and left == [0]


@contextmanager
def running(server: HealthServer) -> Iterator[None]:
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.close()
        thread.join(20)
