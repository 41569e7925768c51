"""What a publisher does with a client that raises, refuses, or says nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shop_core.errors import RecordRefused, ShopError, TopicRefused, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.producers import CLIENTS
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.testing import MemoryClient

Answer = Callable[[Record], str | ShopError | None]
GOOD, ODD = Record("shop.purchases", b"k", b"{}", ()), Record("shop.campaigns", b"k", b"{}", ())


class Publishers:
    """Publishers on clients in memory; `clients` holds each that was connected, the newest last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clients: list[MemoryClient] = []
        self.answer: Answer = lambda record: f"{record.topic}-0-0"
        self.raises: BaseException | None = None
        monkeypatch.setitem(CLIENTS, "memory", self.connect)

    def connect(self, kafka: KafkaConnection, ack_timeout: float) -> MemoryClient:
        self.clients.append(MemoryClient(self.answer, self.raises))
        return self.clients[-1]

    def make(self, **options: Any) -> KafkaPublisher:
        publisher = KafkaPublisher(KafkaConnection("127.0.0.1:9"), client="memory", ack_timeout=0.4, **options)
        assert publisher.connected(5)
        return publisher


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publishers]:
    yield Publishers(monkeypatch)


def odd_answer(outcome: str | ShopError | None) -> Answer:
    return lambda record: outcome if record.topic == ODD.topic else f"{record.topic}-0-0"


@pytest.mark.parametrize("error", [TypeError("a"), ValueError("b"), AttributeError("c"), KeyError("d"), OSError("e")])
def test_whatever_a_client_raises_is_the_fault_of_that_record(publishers: Publishers, error: Exception) -> None:
    publishers.raises = error
    publisher = publishers.make(max_in_flight=3)
    for _ in range(5):  # what leaked would fill it
        with pytest.raises(RecordRefused, match=type(error).__name__):
            publisher.publish([GOOD, GOOD])
        assert publisher.in_flight == 0
    assert len(publishers.clients) == 1 and not publishers.clients[0].abandoned


def test_a_sender_that_is_interrupted_leaves_nothing_in_flight(publishers: Publishers) -> None:
    publishers.raises = KeyboardInterrupt()
    publisher = publishers.make()
    with pytest.raises(KeyboardInterrupt):
        publisher.publish([GOOD, GOOD, GOOD])
    assert publisher.in_flight == 0


@pytest.mark.parametrize("fault", [TopicRefused("t", "c"), RecordRefused("t", "c"), Unavailable("no room")])
def test_a_fault_that_is_told_keeps_the_client(publishers: Publishers, fault: ShopError) -> None:
    publishers.answer = odd_answer(fault)
    publisher = publishers.make()
    outcomes = publisher.publish_each([GOOD, ODD, GOOD])
    assert outcomes == ["shop.purchases-0-0", fault, "shop.purchases-0-0"]
    assert publisher.in_flight == 0 and len(publishers.clients) == 1


def test_refused_goes_before_away(publishers: Publishers) -> None:
    """A caller that may send the whole again must not be told so where a part of it is refused again."""
    answers = iter([Unavailable("no room"), RecordRefused("t", "too odd"), Unavailable("no room")])
    publishers.answer = lambda record: next(answers)
    with pytest.raises(RecordRefused, match="too odd"):
        publishers.make().publish([GOOD] * 3)


def test_a_missing_ack_drops_a_client_that_acks_nobody(publishers: Publishers, until: Callable[..., None]) -> None:
    publishers.answer = lambda record: None
    publisher = publishers.make()
    publishers.answer = lambda record: "shop.purchases-0-1"
    with pytest.raises(Unavailable, match="no ack in time"):
        publisher.publish([GOOD])
    assert publisher.publish([GOOD]) == ["shop.purchases-0-1"], "waits a moment for the next client"
    until(lambda: publishers.clients[0].abandoned, "the silent one is closed", 5)
    assert publisher.in_flight == 0 and len(publishers.clients) == 2


def test_a_missing_ack_of_one_topic_costs_no_other_sender_its_answer(
    publishers: Publishers, until: Callable[..., None]
) -> None:
    publishers.answer = odd_answer(None)
    publisher = publishers.make()
    over, sent = threading.Event(), 0

    def others() -> None:
        nonlocal sent
        while not over.is_set():
            publisher.publish([GOOD])
            sent += 1

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for _ in range(3):
            with pytest.raises(Unavailable, match="no ack in time"):
                publisher.publish([ODD])
        before = sent
        until(lambda: sent > before + 100, "the other still sends", 5)
    finally:
        over.set()
        thread.join(10)
    assert len(publishers.clients) == 2, "one successor, and no second one so soon"
    until(lambda: publishers.clients[0].abandoned, "the first is closed", 5)


def test_those_who_wait_on_a_dropped_client_get_their_answer(
    publishers: Publishers, until: Callable[..., None]
) -> None:
    """The first lets an ack time out; the second was sent later on the same client, and is acked after that."""
    publishers.answer = lambda record: None
    publisher = publishers.make()
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(publisher.publish_each, [GOOD])
        until(lambda: time.monotonic() > started + 0.2, "half of its time is over", 5)
        second = pool.submit(publisher.publish_each, [ODD])
        assert isinstance(first.result(5)[0], Unavailable)
        publishers.clients[0].ack("shop.campaigns-0-7")
        assert second.result(5) == ["shop.campaigns-0-7"]
