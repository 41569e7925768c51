"""What every Publisher keeps to: the one on Kafka, and the fake that tests use in its place."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from kafka.errors import TopicAlreadyExistsError

from shop_core.errors import RecordRefused, RecordTooLarge, Refused, ShopError, TopicRefused, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.producers import CLIENTS
from shop_core.kafka.publish_batch import Outcome
from shop_core.kafka.publisher import KafkaPublisher, Publisher
from shop_core.kafka.topic_reader import read_all
from shop_core.kafka.topics import admin
from shop_core.testing import MemoryPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

TOPIC = "contract.publisher"  # of this test alone, so that no consumer and no other test sees its records
SMALL = "contract.publisher.small"
COMPACT = "contract.publisher.compact"
MISSING = "contract.publisher.missing"
TOPICS = {
    TOPIC: {"num_partitions": 12, "replication_factor": 1},
    SMALL: {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "1000"}},
    COMPACT: {"num_partitions": 1, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}},
}
FAULTS: dict[str, tuple[Record, type[Refused]]] = {
    "the topic is missing": (Record(MISSING, b"k", b"{}", ()), TopicRefused),
    "the topic has no legal name": (Record("a topic!", b"k", b"{}", ()), TopicRefused),
    "the topic's name is not text": (Record("contract\ud800", b"k", b"{}", ()), TopicRefused),
    "larger than the topic takes": (Record(SMALL, b"k", b"x" * 5000, ()), RecordTooLarge),
    "larger than the broker takes": (Record(TOPIC, b"k", b"x" * 1_900_000, ()), RecordTooLarge),
    "larger than the client takes": (Record(TOPIC, b"k", b"x" * 3_000_000, ()), RecordTooLarge),
    "headers larger than the client takes": (Record(TOPIC, b"k", b"{}", (("h", b"x" * 3_000_000),)), RecordTooLarge),
    "a header that is not bytes": (Record(TOPIC, b"k", b"{}", (("h", 5),)), RecordRefused),  # type: ignore[arg-type]
    "a header without a name": (Record(TOPIC, b"k", b"{}", ((None, b""),)), RecordRefused),  # type: ignore[arg-type]
    "a key that is not bytes": (Record(TOPIC, "k", b"{}", ()), RecordRefused),  # type: ignore[arg-type]
    "a value that is not bytes": (Record(TOPIC, b"k", {}, ()), RecordRefused),  # type: ignore[arg-type]
}


def record(key: str) -> Record:
    return Record(TOPIC, key.encode(), b"{}", (("content-type", b"application/json"),))


def make_topics(kafka: KafkaConnection) -> None:
    for name, spec in TOPICS.items():
        with admin(kafka) as client, suppress(TopicAlreadyExistsError):
            client.create_topics({name: spec})


@pytest.fixture(params=["python", "native"])
def kafka_publisher(request: pytest.FixtureRequest, platform: Platform) -> Iterator[KafkaPublisher]:
    make_topics(platform.kafka)
    kafka = KafkaPublisher(platform.kafka, client=request.param)
    assert kafka.connected(10)
    yield kafka
    kafka.close()


@pytest.fixture(params=["memory", "python", "native"])
def any_publisher(request: pytest.FixtureRequest) -> Iterator[Publisher]:
    if request.param == "memory":
        memory = MemoryPublisher()
        memory.missing.add(MISSING)
        memory.limits = {SMALL: 1000, TOPIC: 1_048_576}
        yield memory
    else:
        connection: KafkaConnection = request.getfixturevalue("platform").kafka
        make_topics(connection)
        kafka = KafkaPublisher(connection, client=request.param)
        assert kafka.connected(10)
        yield kafka
        kafka.close()


def test_receipts_come_in_the_order_of_the_records_and_name_their_topic(any_publisher: Publisher) -> None:
    receipts = any_publisher.publish([record(uuid.uuid4().hex) for _ in range(20)])
    assert len(set(receipts)) == 20
    assert {receipt.rsplit("-", 2)[0] for receipt in receipts} == {TOPIC}


def test_one_key_stays_in_one_partition_in_order(any_publisher: Publisher) -> None:
    receipts = [any_publisher.publish([record("one")])[0] for _ in range(5)]
    places = [tuple(map(int, receipt.rsplit("-", 2)[1:])) for receipt in receipts]
    assert len({partition for partition, _ in places}) == 1
    assert places == sorted(set(places))


def test_a_healthy_publisher_passes_its_check(any_publisher: Publisher) -> None:
    any_publisher.publish([record("check")])
    any_publisher.check()


@pytest.mark.parametrize("fault", FAULTS)
def test_what_kafka_refuses_is_told_as_such(any_publisher: Publisher, fault: str) -> None:
    bad, kind = FAULTS[fault]
    for _ in range(2):  # the second time, a client may know already
        with pytest.raises(kind) as told:
            any_publisher.publish([bad])
        assert told.value.cause and told.value.topic
    assert any_publisher.publish([record("after")])


def test_in_a_batch_only_those_at_fault_fail(any_publisher: Publisher) -> None:
    faults = list(FAULTS.values())
    mixed = [each for n, (bad, _) in enumerate(faults) for each in (record(f"before-{n}"), bad, record(f"behind-{n}"))]
    outcomes = any_publisher.publish_each(mixed)
    assert len(outcomes) == len(mixed)
    for n, (_, kind) in enumerate(faults):
        before, at_fault, behind = outcomes[3 * n : 3 * n + 3]
        assert isinstance(before, str) and isinstance(behind, str), (before, behind)
        assert isinstance(at_fault, kind), at_fault
    with pytest.raises(Refused):
        any_publisher.publish(mixed)


def test_a_header_without_a_value_and_one_of_any_name_arrive(any_publisher: Publisher, request: Any) -> None:
    headers: tuple[tuple[str, bytes | None], ...] = (("null", None), ("", b"\0"), ("odd \ud800", b"\xff"))
    receipt = any_publisher.publish([Record(TOPIC, uuid.uuid4().bytes, None, headers)])[0]
    if isinstance(any_publisher, MemoryPublisher):
        read = any_publisher.log
    else:
        read = read_all(request.getfixturevalue("platform").kafka, TOPIC)
    found = next(message for message in read if message.receipt == receipt)
    assert [name for name, _ in found.headers] == ["null", "", "odd \\ud800"]
    assert [value or b"" for _, value in found.headers] == [b"", b"\0", b"\xff"]
    assert found.value is None


def test_a_record_with_nothing_in_it_is_sent(any_publisher: Publisher) -> None:
    assert any_publisher.publish([Record(TOPIC, None, None, (("h", None),))])


def test_nothing_to_publish_is_nothing_done(any_publisher: Publisher) -> None:
    assert any_publisher.publish([]) == [] == any_publisher.publish_each([])


def test_a_lone_record_does_not_wait_for_company(kafka_publisher: KafkaPublisher, platform: Platform) -> None:
    """Against a producer that lingers for 5 ms at the same broker, in turn; the quickest of each, so that what else the
    machine does hardly matters."""
    lingering = Producer({"bootstrap.servers": platform.bootstrap, "acks": "all", "linger.ms": 5})

    def linger() -> None:
        acked = threading.Event()
        lingering.produce(TOPIC, b"{}", b"k", on_delivery=lambda error, message: acked.set())
        while not acked.is_set():
            lingering.poll(0.1)

    def seconds(act: Callable[[], object]) -> float:
        started = time.perf_counter()
        act()
        return time.perf_counter() - started

    took = [(seconds(lambda: kafka_publisher.publish([record("k")])), seconds(linger)) for _ in range(40)]
    assert min(own for own, _ in took) < 0.8 * min(other for _, other in took)


@pytest.mark.parametrize("fault", [*FAULTS, "a key is missing where the topic is compacted"])
def test_a_fault_of_one_sender_costs_no_other_its_answer(kafka_publisher: KafkaPublisher, fault: str) -> None:
    """Others send all the while; the client that they share stays, and nothing stays in flight."""
    bad, kind = FAULTS.get(fault, (Record(COMPACT, None, b"{}", ()), RecordRefused))
    neighbour = record("neighbour") if fault in FAULTS else Record(COMPACT, b"k", b"{}", ())
    link = kafka_publisher._link

    def others() -> list[str]:
        return [kafka_publisher.publish([neighbour])[0] for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        neighbours = [pool.submit(others) for _ in range(4)]
        while not all(each.done() for each in neighbours):
            with pytest.raises(kind):
                kafka_publisher.publish([bad])
    assert len({receipt for each in neighbours for receipt in each.result()}) == 200
    assert kafka_publisher._link is link
    assert kafka_publisher.in_flight == 0


def test_many_small_records_of_a_topic_that_takes_little_are_all_taken(kafka_publisher: KafkaPublisher) -> None:
    """The broker measures batches: what fits alone is not refused because of its neighbours."""
    many = [Record(SMALL, b"k", b"x" * 400, ()) for _ in range(12)]
    assert len(set(kafka_publisher.publish(many))) == 12


def test_a_topic_that_goes_and_comes_again_is_found(
    kafka_publisher: KafkaPublisher, platform: Platform, until: Callable[..., None]
) -> None:
    topic = f"contract.publisher.{uuid.uuid4().hex}"
    spec = {topic: {"num_partitions": 3, "replication_factor": 1}}
    coming = Record(topic, b"k", b"{}", ())

    def outcome() -> Outcome:
        """What is in flight while the topic goes may be an outage yet, of its own sender."""
        try:
            return kafka_publisher.publish_each([coming])[0]
        except Unavailable as error:
            return error

    with admin(platform.kafka) as client:
        client.create_topics(spec)
        assert kafka_publisher.publish([coming])
        client.delete_topics([topic])
        until(lambda: isinstance(outcome(), TopicRefused), "the topic is told as missing", 15)
        client.create_topics(spec)
        until(lambda: isinstance(outcome(), str), "the topic is found again", 15)
        client.delete_topics([topic])


def test_both_clients_place_a_key_in_the_same_partition(platform: Platform) -> None:
    keys = [uuid.uuid4().hex for _ in range(24)]
    placed = []
    for client in CLIENTS:
        publisher = KafkaPublisher(platform.kafka, client=client)
        assert publisher.connected(10)
        receipts = publisher.publish([record(key) for key in keys])
        publisher.close()
        placed.append([receipt.rsplit("-", 2)[1] for receipt in receipts])
    assert placed[0] == placed[1]
    assert len(set(placed[0])) > 1


def test_both_clients_say_the_same_of_what_is_refused(platform: Platform) -> None:
    """So that the door's answers, logs and alerts do not depend on which client is installed."""
    make_topics(platform.kafka)
    bad = [faulty for faulty, _ in FAULTS.values()]
    bad += [Record(COMPACT, None, b"{}", ()), *(replace(record("k"), partition=number) for number in (12, 99, -5))]
    said = []
    for client in CLIENTS:
        publisher = KafkaPublisher(platform.kafka, client=client)
        assert publisher.connected(10)
        outcomes = [publisher.publish_each([each])[0] for each in (*bad, *bad)]  # the second time, it may know already
        publisher.close()
        said.append([(type(outcome), str(outcome)) for outcome in outcomes])
    assert said[0] == said[1]
    assert all(issubclass(kind, Refused) for kind, _ in said[0])


def test_a_publisher_without_a_broker_refuses_at_once_and_closes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        publisher = KafkaPublisher(KafkaConnection(f"127.0.0.1:{free.getsockname()[1]}"), client="native")
        with pytest.raises(Unavailable, match="not connected to Kafka"):
            publisher.publish([record("nobody")])
        with pytest.raises(Unavailable):
            publisher.check()
        publisher.close()


def test_a_record_goes_to_the_partition_that_it_names(any_publisher: Publisher) -> None:
    assert any_publisher.partitions([TOPIC])[TOPIC] == 12
    receipts = any_publisher.publish([replace(record("one"), partition=number) for number in range(12)])
    assert [int(receipt.rsplit("-", 2)[1]) for receipt in receipts] == list(range(12))


def test_of_a_topic_that_is_not_there_nothing_is_told(any_publisher: Publisher) -> None:
    with pytest.raises(ShopError):
        any_publisher.partitions([MISSING])


def test_a_partition_that_was_added_is_known_at_once(kafka_publisher: KafkaPublisher, platform: Platform) -> None:
    topic = f"contract.grows.{uuid.uuid4().hex[:8]}"
    with admin(platform.kafka) as client:
        client.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
        assert kafka_publisher.publish([replace(record("one"), topic=topic)])
        client.create_partitions({topic: 3})
    assert kafka_publisher.partitions([topic]) == {topic: 3}
    assert kafka_publisher.publish([replace(record("one"), topic=topic, partition=2)]) == [f"{topic}-2-0"]
