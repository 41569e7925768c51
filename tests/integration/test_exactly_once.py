"""Nothing lost, doubled, invented, changed or out of order, whatever is killed and wherever it is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from shop_core.events import purchases
from shop_core.events.envelope import Domain, Record, encode
from shop_core.events.instants import Instant
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topics import admin, ensure_topics

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.integration.conftest import InThreads, Load

pytestmark = pytest.mark.slow
CONSUMER = Path(__file__).with_name("consumer_of_topic.py")
CLIENTS, USERS, ROUNDS = 4, 200, 100
START = Instant.of(datetime(2026, 3, 1, tzinfo=UTC))
KILLS = 10
AT_ONCE = 24
SET_BACK = 500  # of a partition's events


def test_20000_purchases_while_consumers_and_broker_are_killed(
    platform: Platform,
    make_load: Callable[..., Load],
    until: Callable[..., None],
    in_threads: InThreads,
    spotless: dict[str, int],
) -> None:
    load = make_load(USERS)
    # One piece of the work for each kill: a piece is set free when the process to be killed next is up and running.
    pieces = [threading.Event() for _ in range(6)]
    own = USERS // CLIENTS

    def client(number: int) -> None:
        users = range(number * own, (number + 1) * own)
        for seq in range(ROUNDS):
            pieces[seq * len(pieces) // ROUNDS].wait(120)
            if seq % 10 == 9:
                for user in users:
                    load.single(user, seq)
            else:
                load.batch(users, seq)

    join = in_threads([partial(client, number) for number in range(CLIENTS)])
    consumers = ["purchases-consumer-1", "purchases-consumer-2"]
    victims = [consumers[0], consumers[1], "kafka", consumers[0], consumers[1], consumers[0]]
    try:
        for piece, victim in zip(pieces, victims, strict=True):
            until(lambda victim=victim: platform.running(victim), f"{victim} runs", 90)
            before = load.stored()
            piece.set()
            until(lambda before=before: load.stored() > before, f"work before the kill of {victim}", 90)
            platform.signal(victim, signal.SIGKILL)
    finally:
        for piece in pieces:
            piece.set()
        join()
    assert len(load.acked) == USERS * ROUNDS == 20_000
    assert load.unexpected == []
    until(load.drained, "the consumers drained the log", 120)
    until(platform.running, "everything runs again", 60)
    assert load.verdict() == spotless
    assert load.stored() == 20_000


@pytest.mark.parametrize("place", ["committed", "decoded"])
def test_a_kill_at_the_worst_moment_changes_nothing(
    platform: Platform,
    lone_consumer: Any,
    spotless: dict[str, int],
    judged: Any,
    until: Callable[..., None],
    place: str,
) -> None:
    # At `committed` the database has the batch and Kafka's offset is not committed; at `decoded` nothing has it yet,
    # so the second pass is the deadly one: each life gets one batch done and loses the next in its hands.
    topic = lone_consumer.fill(2_200 if place == "committed" else 1_300)
    passes = 1 if place == "committed" else 2
    killed = 0
    for _ in range(KILLS):
        with lone_consumer.start(topic, FAILPOINT=f"{place}:{passes}", CONSUMER_BATCH="100") as process:
            killed += process.wait(60) == -signal.SIGKILL
    assert killed == KILLS
    before = lone_consumer.db["purchases"].count_documents({})
    assert 0 < before < len(lone_consumer.attempted), "the kills fell into the middle of the work"
    lone_consumer.drain(topic)
    assert judged(lone_consumer) == spotless
    assert lone_consumer.db["rejections"].count_documents({}) == 0


def test_deleted_offsets_and_a_replay_from_zero_change_nothing(
    platform: Platform, lone_consumer: Any, spotless: dict[str, int], judged: Any
) -> None:
    topic = lone_consumer.fill(500)
    lone_consumer.publisher.publish([poison(topic, n) for n in range(5)])
    lone_consumer.drain(topic)
    seen = contents(lone_consumer.db)
    assert len(seen["rejections"]) == 5

    def forget_offsets() -> None:
        with admin(platform.kafka) as client:
            client.delete_groups([topic])

    positions = lone_consumer.db["positions"]
    for forget in (
        forget_offsets,
        lambda: positions.update_many({}, {"$set": {"offset": 0}}),
        lambda: positions.delete_many({}),
    ):
        forget()
        lone_consumer.add(topic, 20)
        lone_consumer.drain(topic)
        now = contents(lone_consumer.db)
        assert [doc for doc in now["purchases"] if doc in seen["purchases"]] == seen["purchases"]
        assert now["rejections"] == seen["rejections"]
        assert judged(lone_consumer) == spotless


def test_a_lost_commit_comes_true_without_another_event(
    platform: Platform, lone_consumer: Any, until: Callable[..., None]
) -> None:
    """Else KEDA sees a lag that is none, and the group never sleeps."""
    topic = lone_consumer.fill(40)
    lone_consumer.drain(topic)

    with admin(platform.kafka) as client:

        def committed() -> int:
            return sum(place.offset for place in client.list_group_offsets([topic])[topic].values())

        assert committed() == 40
        places = (TopicPartition(topic, partition) for partition in range(2))
        client.alter_group_offsets(topic, {place: OffsetAndMetadata(0, "", -1) for place in places})
        assert committed() == 0
        with lone_consumer.start(topic) as process:
            try:
                until(lambda: committed() == 40, "Kafka's offsets follow what is stored")
            finally:
                process.terminate()


def test_a_position_that_others_moved_stops_a_writer(
    platform: Platform, make_load: Callable[..., Load], until: Callable[..., None], spotless: dict[str, int]
) -> None:
    """Positions set back under running consumers: they notice before they write, and apply nothing twice."""
    load = make_load(60)
    load.batch(range(60), 0)
    until(load.drained, "the first round is stored")
    positions = platform.db["positions"]
    for doc in positions.find({"_id": {"$regex": "/shop.purchases/"}}):
        positions.update_one({"_id": doc["_id"]}, {"$set": {"offset": max(0, doc["offset"] - SET_BACK)}})
    load.batch(range(60), 1)
    until(load.drained, "all is read again", 240)
    assert load.verdict() == spotless


@pytest.mark.parametrize("known", ["by its key", "by its moment"])
def test_the_same_purchase_many_times_at_once_is_one(
    platform: Platform,
    make_load: Callable[..., Load],
    in_threads: InThreads,
    known: str,
) -> None:
    """Each of them finds a place to wait, though all come from one address."""
    user = f"same-{uuid.uuid4().hex[:8]}"
    moment = {"timestamp": "2026-01-02T03:04:05Z"} if known == "by its moment" else {}
    body = json.dumps({"username": user, "userid": user, "price": "5.10"} | moment).encode()
    key = {"Prefer": "wait=10"} | ({} if moment else {"Idempotency-Key": f"key-{user}"})
    barrier, answers = threading.Barrier(AT_ONCE), []

    def buy() -> None:
        barrier.wait(10)
        answers.append(platform.request("POST", "/v1/purchases", body=body, headers=key))

    in_threads([buy] * AT_ONCE)()
    answers.append(
        platform.request("POST", "/v1/purchases", body=body, headers=key)
    )  # and once more, when it is stored
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert platform.db["purchases"].count_documents({"userid": user}) == 1
    profile = platform.request("GET", f"/v1/users/{user}").json()
    assert (profile["count"], profile["totalSpent"]) == (1, "5.10")


def test_the_same_key_for_another_purchase_is_rejected(platform: Platform) -> None:
    user = f"other-{uuid.uuid4().hex[:8]}"
    key = {"Idempotency-Key": f"key-{user}"}

    def buy(price: str, path: str = "/v1/purchases", **headers: str) -> Any:
        body = json.dumps({"username": user, "userid": user, "price": price, "timestamp": "2026-01-02"}).encode()
        return platform.request("POST", path, body=body, headers=key | headers)

    assert buy("5.10", Prefer="wait=10").status == 201
    for path in ("/v1/purchases", "/buy"):
        refused = buy("6.10", path, Prefer="wait=10")
        assert refused.status == 409, refused.data
        assert "Idempotency-Key" in refused.json()["detail"]
    silent = buy("7.10")
    assert (silent.status, silent.json()["field"]) == (409, "Idempotency-Key"), "at once, and nothing was published"
    told = platform.request("GET", f"/v1/receipts/{refused.json()['receipt']}?wait=10").json()
    assert (told["state"], told["reason"]) == ("rejected", refused.json()["detail"])
    assert buy("5.1", Prefer="wait=10").status == 409, "the price as it was written is part of the purchase"
    assert buy("5.10", Prefer="wait=10").status == 201
    assert [str(doc["price"]) for doc in platform.db["purchases"].find({"userid": user})] == ["5.10"]


def test_a_killed_database_loses_nothing_and_blames_no_message(
    platform: Platform,
    make_load: Callable[..., Load],
    until: Callable[..., None],
    in_threads: InThreads,
    spotless: dict[str, int],
) -> None:
    load = make_load(100)
    letters = len(platform.letters())
    until(platform.running, "everything runs")
    consumers = {name: state.pid for name, state in platform.processes().items() if "consumer" in name}
    killed = threading.Event()

    def client() -> None:
        for seq in range(20):
            load.batch(range(100), seq)
            if seq == 10:
                killed.wait(60)

    join = in_threads([client])
    until(load.stored, "the first purchases are stored")
    dead = platform.signal("database", signal.SIGKILL)
    killed.set()
    join()
    until(lambda: platform.running("database") and platform.processes()["database"].pid != dead, "the database is back")
    until(load.drained, "the consumers went on", 90)
    assert load.verdict() == spotless
    assert len(platform.letters()) == letters
    now = platform.processes()
    assert {name: now[name].pid for name in consumers} == consumers, "no consumer was restarted"


def test_sigterm_in_the_middle_of_the_work_ends_with_zero(
    lone_consumer: Any, until: Callable[..., None], judged: Any
) -> None:
    topic = lone_consumer.fill(3_000)
    with lone_consumer.start(topic, CONSUMER_BATCH="20") as process:
        until(lambda: lone_consumer.db["purchases"].count_documents({}), "the first batch is stored")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    stored = lone_consumer.db["purchases"].count_documents({})
    assert 0 < stored < 3_000, "it was stopped in the middle of the work"
    with admin(lone_consumer.platform.kafka) as client:
        committed = client.list_group_offsets([topic])[topic]
    assert sum(place.offset for place in committed.values() if place.offset > 0) == stored
    lone_consumer.drain(topic)
    assert not any(judged(lone_consumer).values())


class LoneConsumer:
    """A topic, a group and a database of their own on the platform's servers, for a consumer that a test may kill."""

    def __init__(self, platform: Platform, publisher: KafkaPublisher, until: Callable[..., None]) -> None:
        self.platform, self.publisher = platform, publisher
        self._until = until
        self._name = f"lone_{uuid.uuid4().hex[:8]}"
        self.db = platform.mongo[self._name]
        self.attempted: dict[tuple[str, int], tuple[str, datetime]] = {}

    def fill(self, count: int) -> str:
        """A topic of two partitions with `count` purchases of 20 users, each user's in order; the topic's name."""
        topic = self._name.replace("_", ".")
        domain = Domain("purchases", topic, purchases.DOMAIN.events)
        ensure_topics(self.platform.kafka, [domain], partitions=2)
        self.add(topic, count)
        return topic

    def add(self, topic: str, count: int) -> None:
        """`count` more purchases, each user's still in order."""
        domain = Domain("purchases", topic, purchases.DOMAIN.events)
        records = []
        for number in range(len(self.attempted), len(self.attempted) + count):
            userid, seq = f"u{number % 20}", number // 20
            price, moment = f"{number}.05", START + timedelta(seconds=number * 7919 % 10_007)
            data = purchases.PurchaseMade(f"{userid}/{seq}", userid, price, moment)
            self.attempted[(userid, seq)] = (price, moment)
            id = f"{topic}-{number}"
            records.append(encode(domain, purchases.PURCHASE_MADE, data, key=userid, id=id, time=moment))
        for start in range(0, count, 1000):
            self.publisher.publish(records[start : start + 1000])

    def start(self, topic: str, **extra: str) -> subprocess.Popen[bytes]:
        own = {"MONGODB_DATABASE": self._name, "CONSUMER_SESSION_TIMEOUT_MS": "1000", "LOG_LEVEL": "WARNING"}
        command = [sys.executable, str(CONSUMER), topic]
        return subprocess.Popen(command, env=self.platform.environment | own | extra)

    def drain(self, topic: str) -> None:
        """Let an unharmed consumer read to the end of the log, and stop it."""
        ends = self._ends(topic)
        with self.start(topic) as process:
            self._until(lambda: self._positions() == ends, "the log is drained")
            self._until(lambda: not self.db["rejections"].count_documents({"dlq": "pending"}), "letters are sent")
            process.terminate()
            assert process.wait(30) == 0

    def _positions(self) -> dict[int, int]:
        return {int(doc["_id"].rpartition("/")[2]): doc["offset"] for doc in self.db["positions"].find({})}

    def _ends(self, topic: str) -> dict[int, int]:
        with admin(self.platform.kafka) as client:
            wanted = {TopicPartition(topic, partition): OffsetSpec.LATEST for partition in range(2)}
            return {tp.partition: found.offset for tp, found in client.list_partition_offsets(wanted).items()}


@pytest.fixture
def lone_consumer(platform: Platform, publisher: KafkaPublisher, until: Callable[..., None]) -> Iterator[LoneConsumer]:
    lone = LoneConsumer(platform, publisher, until)
    yield lone
    platform.mongo.drop_database(lone.db.name)


@pytest.fixture
def judged(judge: Callable[..., dict[str, int]]) -> Callable[[LoneConsumer], dict[str, int]]:
    return lambda lone: judge(lone.db, "u", lone.attempted, set(lone.attempted))


def poison(topic: str, number: int) -> Any:
    return Record(topic, b"u1", b"{", (("ce_id", str(number).encode()),))


def contents(db: Any) -> dict[str, list[Any]]:
    names = ("purchases", "users", "rejections")
    return {name: sorted(db[name].find({}), key=lambda doc: str(doc["_id"])) for name in names}
