"""How the loop and the threads of our gunicorn worker speak to each other: nothing is lost, and few words do."""

from __future__ import annotations

import os
import select
import selectors
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from shop_core.http.worker.connection import BUSY, Connection
from shop_core.http.worker.loop_calls import LoopCalls
from shop_core.http.worker.read_timeout_worker import ReadTimeoutWorker
from shop_core.http.worker.request_threads import RequestThreads


@pytest.fixture
def calls() -> Iterator[LoopCalls]:
    made = LoopCalls()
    made.init()
    yield made
    made.close()


def woken(calls: LoopCalls, seconds: float = 0) -> bool:
    return bool(select.select([calls.fileno()], [], [], seconds)[0])


def test_many_calls_wake_the_loop_once_and_run_in_their_order(calls: LoopCalls) -> None:
    seen: list[int] = []
    for number in range(100):
        calls.defer(seen.append, number)
    assert os.read(calls.fileno(), 100) == b"\0"
    calls.run_callbacks(None)
    assert seen == list(range(100)) and not woken(calls)


def test_a_call_that_asks_for_another_leaves_it_to_the_next_look(calls: LoopCalls) -> None:
    seen: list[str] = []

    def first() -> None:
        seen.append("first")
        calls.defer(seen.append, "second")

    calls.defer(first)
    calls.run_callbacks(None)
    assert seen == ["first"] and woken(calls)
    calls.run_callbacks(None)
    assert seen == ["first", "second"] and not woken(calls)


def test_no_call_of_many_threads_is_left_lying(calls: LoopCalls) -> None:
    seen: list[int] = []

    def defer_all() -> None:
        for number in range(5_000):
            calls.defer(seen.append, number)

    threads = [threading.Thread(target=defer_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(seen) < 20_000:
        assert woken(calls, 10), f"{20_000 - len(seen)} calls wait, and nobody was woken"
        calls.run_callbacks(None)
    for thread in threads:
        thread.join()
    assert not woken(calls)


def test_as_many_jobs_run_at_once_as_there_may_be_threads_and_the_rest_after_them() -> None:
    threads, meet, lock = RequestThreads(3, "test"), threading.Barrier(3), threading.Lock()
    at_once: list[int] = []
    running = 0

    def job() -> None:
        nonlocal running
        with lock:
            running += 1
            at_once.append(running)
        meet.wait(10)  # three have to be here for any of them to go on
        with lock:
            running -= 1

    for _ in range(30):
        threads.run(job)
    threads.shutdown()
    assert len(at_once) == 30 and max(at_once) == 3


def test_who_is_idle_gets_the_next_job() -> None:
    threads, used = RequestThreads(40, "test"), set()
    for _ in range(200):
        done = threading.Event()

        def job(done: threading.Event = done) -> None:
            used.add(threading.current_thread().name)
            done.set()

        threads.run(job)
        assert done.wait(10)
    threads.shutdown()
    assert len(used) < 10


def test_what_was_asked_for_before_the_end_is_done_yet() -> None:
    threads, go, seen = RequestThreads(1, "test"), threading.Event(), []

    def held() -> None:
        go.wait(10)

    threads.run(held)
    for number in range(5):
        threads.run(lambda number=number: seen.append(number))  # type: ignore[misc]
    threads.shutdown(wait=False)
    assert seen == []
    go.set()
    threads.shutdown()
    assert seen == [0, 1, 2, 3, 4]


def test_what_comes_before_the_answer_is_out_wakes_the_loop_once_and_is_read_after_it() -> None:
    """The poller goes on watching while a route works; a client that is ahead may not keep the loop awake."""
    worker: Any = ReadTimeoutWorker.__new__(ReadTimeoutWorker)
    worker.poller, worker.read_seconds, worker.came = selectors.DefaultSelector(), 1.0, 0
    worker.cfg = SimpleNamespace(keepalive=1.0, limit_request_line=1000)
    plug, peer = socket.socketpair()
    with worker.poller, plug, peer:
        conn = Connection(plug, ("127.0.0.1", 1), ("127.0.0.1", 2), worker.cfg)
        worker._watch(conn, selectors.EVENT_READ, worker._readable)
        conn.state = BUSY
        peer.send(b"GET /healthz")
        [(key, _)] = worker.poller.select(0)
        key.data(key.fileobj)
        assert not worker.poller.select(0) and not conn.buffer
        worker._next(conn)
        [(key, _)] = worker.poller.select(0)
        key.data(key.fileobj)
        assert conn.buffer == b"GET /healthz"
