"""Receipts by Server-Sent Events against the running platform: who listens hears of the end, and costs no thread."""

from __future__ import annotations

import json
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cm_server.query_proxy.receipt_streams import MOST
from shop_core.events.envelope import Record
from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from shop_core.kafka.publisher import KafkaPublisher
    from tests.conftest import Platform

BODY = '{"username":"hears","userid":"hears","price":"1"}'
LISTENERS, MANY = 60, 350


@pytest.fixture
def held(platform: Platform, until: Callable[..., None]) -> Iterator[Callable[[], None]]:
    """No purchase is stored until this is called."""
    names = [name for name in platform.processes() if name.startswith("purchases-consumer")]
    until(lambda: platform.running(*names), "the consumers run")
    for name in names:
        platform.signal(name, signal.SIGSTOP)

    def release() -> None:
        for name in names:
            platform.signal(name, signal.SIGCONT)

    yield release
    release()


def bought(platform: Platform) -> str:
    return str(platform.request("POST", "/buy", body=BODY).json()["receipt"])


class Listener:
    """One stream, read event by event."""

    def __init__(self, connection: HTTPConnection, receipt: str) -> None:
        self.connection = connection
        connection.request("GET", f"{PREFIX}/v1/receipts/{receipt}", headers={"Accept": "text/event-stream"})
        self.answer: HTTPResponse = connection.getresponse()

    def event(self) -> dict[str, Any] | None:
        """The data of the next event, None at the end of the stream."""
        while line := self.answer.readline():
            if line.startswith(b"data: "):
                assert self.answer.readline() == b"\n"
                found: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                return found
        return None


@contextmanager
def listening(platform: Platform, receipt: str) -> Iterator[Listener]:
    connection = HTTPConnection(HOST, platform.ports.cm_server, timeout=30)
    try:
        yield Listener(connection, receipt)
    finally:
        connection.close()


def threads_of(platform: Platform) -> int:
    """Of all processes of cm-server."""
    arbiter = platform.pid("cm-server")
    workers = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in workers)


def listeners(platform: Platform) -> float:
    text = platform.request("GET", "/metrics").data.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("shop_receipt_listeners"))


def test_one_hears_that_it_is_accepted_and_then_stored(platform: Platform, held: Callable[[], None]) -> None:
    receipt = bought(platform)
    with listening(platform, receipt) as listener:
        first = listener.event()
        assert first is not None and (first["receipt"], first["state"]) == (receipt, "accepted")
        held()
        last = listener.event()
        assert last is not None and (last["state"], last["status"]) == ("stored", 200)
        assert listener.event() is None
        again = Listener(listener.connection, receipt)  # the same connection: the answer had a proper end
        assert [again.event(), again.event()] == [last, None]


def test_one_hears_why_it_was_rejected(platform: Platform, publisher: KafkaPublisher) -> None:
    attributes = {"id": "hears", "type": "shop.purchase.made.v1", "source": "/t", "specversion": "1.0"}
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    [receipt] = publisher.publish([Record("shop.purchases", b"hears", b'{"price":"x"}', tuple(headers))])
    with listening(platform, receipt) as listener:
        *_, last = iter(listener.event, None)
    assert (last["state"], last["status"]) == ("rejected", 422) and "ce_time" in last["reason"]


def test_many_listeners_hold_no_thread_and_hear_of_it_all(
    platform: Platform, held: Callable[[], None], until: Callable[..., None]
) -> None:
    with ExitStack() as stack:
        for _ in range(20):  # the streams' own thread is there
            stack.enter_context(listening(platform, bought(platform))).event()
        until(lambda: listeners(platform) == 20, "they are counted")
        before = threads_of(platform)
        receipts = [bought(platform) for _ in range(LISTENERS)]
        all_of_them = [stack.enter_context(listening(platform, receipt)) for receipt in receipts]
        assert {event["state"] for each in all_of_them if (event := each.event())} == {"accepted"}
        until(lambda: listeners(platform) == 20 + LISTENERS, "they listen")
        assert threads_of(platform) < before + LISTENERS // 4, "their number does not follow that of the listeners"
        assert platform.request("GET", "/healthz").status == 200
        held()
        assert {event["state"] for each in all_of_them if (event := each.event())} == {"stored"}
        assert [each.event() for each in all_of_them] == [None] * LISTENERS
    until(lambda: listeners(platform) == 0, "nobody listens any more")


def test_a_listener_that_leaves_gives_its_place_back(
    platform: Platform, held: Callable[[], None], until: Callable[..., None]
) -> None:
    with listening(platform, bought(platform)) as listener:
        listener.event()
        until(lambda: listeners(platform) == 1, "one listens")
    until(lambda: listeners(platform) == 0, "it has left")


def test_beyond_the_bound_the_state_is_told_at_once(
    platform: Platform, held: Callable[[], None], until: Callable[..., None]
) -> None:
    receipt = bought(platform)
    asked = f"GET {PREFIX}/v1/receipts/{receipt} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        heard: dict[Any, bytes] = {}
        for _ in range(MANY):
            sock = stack.enter_context(socket.create_connection((HOST, platform.ports.cm_server), timeout=30))
            sock.sendall(asked)
            selector.register(sock, selectors.EVENT_READ)
            heard[sock] = b""

        def all_told() -> bool:
            for key, _ in selector.select(0.1):
                heard[key.fileobj] += key.fileobj.recv(4096)  # type: ignore[union-attr]
            return all(b'"accepted"' in told for told in heard.values())

        until(all_told, "each is told the state")
        ended = sum(told.endswith(b"\r\n0\r\n\r\n") for told in heard.values())
        assert ended >= MANY - 2 * MOST // 2 and listeners(platform) == MANY - ended
        with listening(platform, receipt) as one:  # from the same address: its half is taken
            assert one.event() and one.event() is None
