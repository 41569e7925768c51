"""Answers that go on after their route: framed as they began, ended with the worker, and given up with their client."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from shop_core.http.worker.connection import ENDED, LEAVING, READING, STREAMING, Connection
from shop_core.http.worker.connections import ConnectionTable
from shop_core.http.worker.loop_calls import LoopCalls
from shop_core.http.worker.read_timeout_worker import ReadTimeoutWorker
from shop_core.http.worker.streams import LAST_CHUNK, Stream

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = b"3\r\none\r\n"


class Served:
    """One connection of a worker whose loop is the test's."""

    def __init__(self, worker: Any) -> None:
        plug, self.peer = socket.socketpair()
        self.peer.settimeout(5)
        self.worker = worker
        self.conn = Connection(plug, ("127.0.0.1", 1), ("127.0.0.1", 2), worker.cfg)
        worker.places.add(self.conn)

    def begin(self, written: bytes = HEAD + FIRST + LAST_CHUNK, stays: bool = True) -> Stream:
        """The route has ended, having written this."""
        stream: Stream = self.worker.stream(self.conn.sock, 60.0)
        self.conn.sock.sendall(written)
        stream.begin(self.conn, stays)
        self.conn.sock.flush()
        self.worker._answered(self.conn, stays)
        return stream

    def turn(self) -> None:
        """What the loop does with what it was told and what came."""
        self.worker.method_queue.run_callbacks(None)
        for key, _ in self.worker.poller.select(0):
            key.data(key.fileobj)


@pytest.fixture
def served() -> Iterator[Served]:
    worker: Any = ReadTimeoutWorker.__new__(ReadTimeoutWorker)
    worker.poller, worker.read_seconds, worker.came = selectors.DefaultSelector(), 1.0, 0
    worker.looked, worker.places, worker.nr_conns, worker.alive = time.monotonic(), ConnectionTable(10), 1, True
    worker.cfg = SimpleNamespace(keepalive=1.0, limit_request_line=1000)
    worker.method_queue = LoopCalls()
    worker.method_queue.init()
    made = Served(worker)
    yield made
    worker.method_queue.close()
    worker.poller.close()
    made.peer.close()
    made.conn.plug.close()


def test_pieces_are_framed_as_the_answer_began_and_the_connection_stays(served: Served) -> None:
    stream = served.begin()
    assert served.peer.recv(1000) == HEAD + FIRST and served.conn.state == STREAMING
    stream.send(b"a" * 17)
    served.turn()
    assert served.peer.recv(1000) == b"11\r\n" + b"a" * 17 + b"\r\n"
    stream.send(b"last")
    stream.end()
    served.turn()
    assert served.peer.recv(1000) == b"4\r\nlast\r\n" + LAST_CHUNK
    assert served.conn.state == READING and served.conn.sock.stream is None


def test_what_was_handed_over_before_the_route_ended_comes_behind_what_it_wrote(served: Served) -> None:
    stream: Stream = served.worker.stream(served.conn.sock, 60.0)
    stream.send(b"two")
    stream.end()
    served.turn()
    served.conn.sock.sendall(HEAD + FIRST + LAST_CHUNK)
    stream.begin(served.conn, True)
    served.conn.sock.flush()
    served.worker._answered(served.conn, True)
    assert served.peer.recv(1000) == HEAD + FIRST + b"3\r\ntwo\r\n" + LAST_CHUNK


def test_without_chunks_the_end_of_the_connection_is_the_end_of_the_answer(served: Served) -> None:
    stream = served.begin(b"HTTP/1.0 200 OK\r\n\r\none")
    stream.send(b"two")
    stream.end()
    served.turn()
    assert served.peer.recv(1000).endswith(b"\r\n\r\nonetwo") and served.conn.state == LEAVING
    assert served.peer.recv(1) == b""


def test_the_next_request_is_read_after_the_stream(served: Served) -> None:
    stream = served.begin()
    served.peer.send(b"GET /heal")
    served.turn()
    assert served.conn.state == STREAMING and served.conn.buffer == b"GET /heal"
    stream.end()
    served.turn()
    assert served.conn.state == READING and served.conn.buffer == b"GET /heal"


def test_a_client_that_leaves_is_known_to_who_sends(served: Served) -> None:
    stream = served.begin()
    served.peer.close()
    served.turn()
    assert stream.gone and served.conn.state == ENDED and served.worker.places.count == 0
    stream.send(b"to nobody")
    served.turn()


def test_a_client_that_takes_nothing_is_given_up(served: Served) -> None:
    stream = served.begin()
    for _ in range(1000):
        stream.send(b"a" * 10_000)
        served.turn()
    assert stream.gone and served.conn.state == ENDED


def test_a_worker_that_stops_ends_its_streams(served: Served) -> None:
    served.begin()
    served.worker.alive = served.worker._accepting = False
    served.worker.wait_for_and_dispatch_events = lambda timeout: None
    served.worker.set_accept_enabled(False)
    served.turn()
    assert served.peer.recv(1000) == HEAD + FIRST + LAST_CHUNK and served.conn.state == LEAVING
