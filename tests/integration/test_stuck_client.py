"""A consumer's Kafka client that hears nothing while Kafka answers others is replaced; an outage is waited for; and one
that takes long over a batch is alive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from cm_api.pipeline.consumer import UNHEARD, Consumer
from cm_api.pipeline.health import Health
from cm_api.settings import ConsumerSettings
from shop_core.config.settings import load
from shop_core.errors import Unavailable
from shop_core.events import DOMAINS
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.group_consumer import OffsetsUnavailable

if TYPE_CHECKING:
    from tests.conftest import Platform


@pytest.fixture
def consumer(platform: Platform) -> Iterator[Consumer]:
    made = Consumer(DOMAINS["analytics"], load(ConsumerSettings, platform.environment), Health())
    yield made
    made.close()


def test_a_client_that_hears_nothing_ends_its_run_so_that_a_new_one_is_made(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheard(*_: object) -> None:
        raise KafkaTimeoutError

    monkeypatch.setattr(consumer._reader._consumer, "beginning_offsets", unheard)
    consumer.run()
    assert consumer.stuck and not consumer.stop.is_set()


def test_what_kafka_refuses_is_not_the_clients_fault(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new client would be refused as well, and each one would make the group rebalance."""

    def refused(*_: object) -> None:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr(consumer._reader._consumer, "beginning_offsets", refused)
    with pytest.raises(Unavailable) as outage:
        consumer._reader.bounds([])
    for _ in range(UNHEARD):
        consumer._back_off(outage.value)
    assert not consumer.stuck


def test_while_nobody_is_answered_it_is_an_outage(consumer: Consumer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        consumer._kafka = KafkaConnection(f"127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(UNHEARD):
            consumer._back_off(OffsetsUnavailable("unheard"))
    assert not consumer.stuck


def test_what_the_database_does_not_answer_is_not_the_clients_fault(consumer: Consumer) -> None:
    for _ in range(UNHEARD):
        consumer._back_off(Unavailable("the database is away"))
    assert not consumer.stuck


def test_a_loop_is_alive_while_the_database_answers_it_and_by_nobody_elses_answers(platform: Platform) -> None:
    beats: list[int] = []

    class Counted(Health):
        def beat(self) -> None:
            beats.append(threading.get_ident())

    consumer = Consumer(DOMAINS["analytics"], load(ConsumerSettings, platform.environment), Counted())
    try:
        beats.clear()
        consumer._db.command("ping")
        beside = threading.Thread(target=consumer._db.command, args=("ping",))
        beside.start()
        beside.join()
        assert beats == [threading.get_ident()]
    finally:
        consumer.close()
