"""What a relay sends, what it holds back, and what it leaves for the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import pytest

from cm_api.pipeline.relay import Relay, Route
from shop_core.errors import RecordRefused, RecordTooLarge, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.publish_batch import Outcome
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo.client import Document

TOPIC = "shop.purchases"


class Pending:
    """The documents that wait, as the collection has them."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)
        self.asked_without: list[Sequence[str]] = []
        self.told_sent: list[str] = []

    def pending(self, topic: str, partitions: Iterable[int], but: Sequence[str] = ()) -> list[Document]:
        self.asked_without.append(tuple(but))
        return [{"_id": id} for id in self.ids if id not in but]

    def sent(self, ids: Sequence[str]) -> None:
        self.told_sent += ids
        self.ids = [id for id in self.ids if id not in ids]


class Broker:
    """A publisher that answers each record by its key, as `answers` says; else with a receipt."""

    def __init__(self, answers: dict[str, Outcome]) -> None:
        self.answers = answers
        self.got: list[str] = []

    def connected(self, timeout: float) -> bool:
        return True

    def publish_each(self, records: Sequence[Record]) -> list[Outcome]:
        keys = [(record.key or b"").decode() for record in records]
        self.got += keys
        return [self.answers.get(key, f"{TOPIC}.dlq-0-{len(self.got)}") for key in keys]


def in_two_sizes(document: Document) -> Iterator[Record]:
    for size in ("", "-small"):
        yield Record(f"{TOPIC}.dlq", f"{document['_id']}{size}".encode(), b"", ())


Swept = Callable[..., tuple[Relay, Pending, Broker, list[int]]]


@pytest.fixture
def swept() -> Swept:
    def make(*ids: str, **answers: Outcome) -> tuple[Relay, Pending, Broker, list[int]]:
        waiting = Pending(ids)
        broker = Broker({key.replace("_", "-"): said for key, said in answers.items()})
        waits: list[int] = []
        route = Route(TOPIC, "dead_letter_undeliverable", in_two_sizes, waits=waits.append)
        relay = Relay(route, waiting, lambda: cast(KafkaPublisher, broker))
        relay.own([0])
        return relay, waiting, broker, waits

    return make


def test_what_is_refused_waits_alone(swept: Swept) -> None:
    relay, waiting, broker, waits = swept("a", "b", "c", b=RecordRefused(TOPIC, "no"))
    relay.deliver()
    assert waiting.told_sent == ["a", "c"] and waiting.ids == ["b"] and waits == [1]
    relay.deliver()
    assert waiting.asked_without[-1] == ("b",), "it is not tried again at once"
    assert broker.got.count("b") == 1


def test_where_nothing_is_taken_the_topic_is_at_fault_and_is_asked_once(swept: Swept) -> None:
    relay, waiting, broker, waits = swept("a", "b", a=RecordRefused(TOPIC, "no"), b=RecordRefused(TOPIC, "no"))
    relay.deliver()
    assert broker.got == ["a", "b"] and waiting.told_sent == [] and waits == [2]


def test_what_kafka_does_not_answer_is_left_for_the_next_sweep_and_what_it_took_is_not_sent_again(swept: Swept) -> None:
    relay, waiting, broker, _ = swept("a", "b", "c", b=Unavailable("away"))
    with pytest.raises(Unavailable, match="away"):
        relay.deliver()
    assert waiting.told_sent == ["a", "c"]
    del broker.answers["b"]
    relay.deliver()
    assert waiting.ids == [] and broker.got == ["a", "b", "c", "b"]


def test_what_is_too_large_is_tried_smaller(swept: Swept) -> None:
    relay, waiting, broker, waits = swept("a", "b", a=RecordTooLarge(TOPIC, "too large"))
    relay.deliver()
    assert broker.got == ["a", "b", "a-small"] and waiting.ids == [] and waits == [0]


def test_what_is_too_large_in_every_size_waits(swept: Swept) -> None:
    too_large = RecordTooLarge(TOPIC, "too large")
    relay, waiting, _, waits = swept("a", "b", a=too_large, a_small=too_large)
    relay.deliver()
    assert waiting.ids == ["a"] and waiting.told_sent == ["b"] and waits == [1]
