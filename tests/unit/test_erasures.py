"""An erasure at the door, how it is judged, and the numbers that a repair keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from cm_api.domains.catalog.numbers import raised
from cm_api.erasure import in_stages
from cm_server.app import build
from cm_server.commands import identity
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.auth import Caller
from shop_core.events import PERSONAL, purchases
from shop_core.events.envelope import COPIES, Event
from shop_core.events.instants import Instant
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.kafka.partitions import partition_of
from shop_core.testing import MemoryPublisher

NOW = Instant.of(datetime(2026, 11, 26, tzinfo=UTC))
PARTITIONS = 5


@pytest.fixture
def log() -> MemoryPublisher:
    return MemoryPublisher(PARTITIONS)


@pytest.fixture
def door(log: MemoryPublisher) -> Flask:
    return build(Context(log, QueryClient("http://127.0.0.1:1")), ServerSettings())


def erase(door: Flask, user: str = "mara", **headers: str) -> Any:
    return door.test_client().delete(f"{PREFIX}/v1/users/{user}", headers=headers)


def test_an_erasure_stands_in_every_partition_under_one_id(door: Flask, log: MemoryPublisher) -> None:
    said = erase(door).json
    places = {(message.topic, message.partition) for message in log.log}
    assert places == {(domain.topic, number) for domain in PERSONAL for number in range(PARTITIONS)}
    assert len(log.log) == len(places) == len(said["pending"])
    assert {dict(message.headers)["ce_id"] for message in log.log} == {said["id"].encode()}
    assert {dict(message.headers)[COPIES] for message in log.log} == {str(PARTITIONS).encode()}
    own = partition_of("mara", PARTITIONS)
    assert said["receipts"] == {domain.name: f"{domain.topic}-{own}-0" for domain in PERSONAL}


@pytest.mark.parametrize("topic", [domain.topic for domain in PERSONAL])
def test_where_one_topic_is_missing_nothing_is_promised(door: Flask, log: MemoryPublisher, topic: str) -> None:
    log.missing.add(topic)
    assert erase(door, **{"Idempotency-Key": "k"}).status_code >= 500
    log.missing.clear()
    assert erase(door, **{"Idempotency-Key": "k"}).status_code == 202, "the key is free"


def test_a_key_that_erased_another_user_is_refused_before_anything_is_sent(
    door: Flask, log: MemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "caller", lambda: Caller("admin"))
    first = erase(door, **{"Idempotency-Key": "k"})
    sent = len(log.log)
    assert erase(door, "otto", **{"Idempotency-Key": "k"}).status_code == 409
    assert len(log.log) == sent
    again = erase(door, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])


def test_a_key_chooses_the_partition_that_java_gives_it() -> None:
    hashes = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}  # Kafka's UtilsTest
    for key, java in hashes.items():
        assert partition_of(key, 12) == (java & 0x7FFFFFFF) % 12


def event(number: int, user: str, *, erased: bool = False, partition: int = 0) -> Event:
    data: Any = UserErased(user, "self") if erased else purchases.PurchaseMade(user, user, "1", NOW)
    kind = USER_ERASED if erased else purchases.PURCHASE_MADE
    return Event(str(number), kind, NOW, "", data, f"shop.purchases-{partition}-{number}", everywhere=erased)


def stages_of(told: list[Event]) -> list[tuple[list[int], list[int]]]:
    return [([int(e.id) for e in erasing], [int(e.id) for e in others]) for erasing, others in in_stages(told)]


def test_a_partition_s_events_keep_their_order_whoever_they_are_about() -> None:
    told = [event(0, "a"), event(1, "b", erased=True), event(2, "a", erased=True), event(3, "a"), event(4, "b")]
    assert stages_of(told) == [([], [0]), ([1, 2], [3, 4])]
    assert stages_of([*told, event(5, "c", erased=True)])[-1] == ([5], [])


def test_the_copies_of_one_erasure_cut_a_batch_once() -> None:
    told = [
        event(number * 3 + kind, "a", erased=kind == 1, partition=number) for number in range(4) for kind in range(3)
    ]
    assert stages_of(told) == [([], [0, 3, 6, 9]), ([1, 4, 7, 10], [2, 5, 8, 11])]


PRODUCT = {"_id": "p", "name": "n", "rating": {"count": 2}, "sequence": 3, "version": 5}


@pytest.mark.parametrize(
    ("had", "has", "numbers"),
    [
        ({}, {}, (3, 5)),
        ({"sequence": 7, "version": 9}, {}, (7, 9)),
        ({"rating": {"count": 3}}, {}, (4, 6)),
        ({"rating": {"count": 3}}, {"sequence": 8, "version": 8}, (8, 8)),
        ({"name": "by hand"}, {}, (3, 6)),
        ({"sequence": 5, "version": 7, "raised": {"sequence": 2, "version": 2}}, {}, (5, 7)),
        ({"sequence": 5, "version": 7, "raised": {"sequence": 2, "version": 2}}, {"sequence": 4, "version": 6}, (6, 8)),
    ],
)
def test_a_repair_never_turns_a_number_back(had: Any, has: Any, numbers: tuple[int, int]) -> None:
    rebuilt = PRODUCT | has
    found = raised(PRODUCT | had, rebuilt)
    assert (found["sequence"], found["version"]) == numbers
    assert found["raised"] == {name: found[name] - rebuilt[name] for name in ("sequence", "version")}
