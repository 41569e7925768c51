"""The shared cache on a real Redis: never newer than the database, never in the way, asked by many as by one."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
import redis
from prometheus_client import REGISTRY

from cm_api.domains.campaigns.cache import KINDS, RENEW_AFTER, LiveSet
from cm_api.domains.campaigns.snapshot_cache import ENTITY, SharedSnapshots
from cm_api.domains.catalog.cache import SUFFIXES, cached_product, entity, put
from cm_api.domains.catalog.presenters import to_product
from cm_api.domains.catalog.projection import apply
from cm_api.domains.catalog.store import CatalogStore
from cm_api.http.context import Context
from cm_api.http.shared_cache import SharedCache
from shop_core.events import catalog
from shop_core.events.envelope import Event
from shop_core.events.fields import parse_instant
from shop_core.mongo.client import Document
from shop_core.responses.catalog import Product
from shop_core.testing import MemoryCampaigns, MemoryCatalog

ID = "p1"
MOMENT = parse_instant("time", "2026-01-01T00:00:00Z")


class Database(MemoryCatalog):
    """The fake store, which counts what it is asked for and can be made to take its time."""

    generation = 0

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def product(self, id: str) -> Document | None:
        self.asked += 1
        found = self.documents["products"].get(id)
        self.gate.wait(10)
        return found

    def tell(self, number: int, data: Any) -> None:
        type_ = catalog.DOMAIN.type_of(data)
        apply(cast(CatalogStore, self), [Event(f"e{number}", type_, MOMENT, "", data, f"shop.catalog-0-{number}")])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_redis: Any) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url, server.process


@pytest.fixture
def raw(server: tuple[str, Any]) -> Iterator[Any]:
    with redis.Redis.from_url(server[0]) as client:
        client.flushall()
        yield client


@pytest.fixture
def shared(server: tuple[str, Any], raw: Any) -> SharedCache:
    return SharedCache(server[0], 60)


@pytest.fixture
def database() -> Database:
    made = Database()
    made.tell(0, catalog.ProductCreated(ID, "Lamp", "1.00"))
    return made


@pytest.fixture
def ask(shared: SharedCache, database: Database) -> Callable[..., Product | None]:
    context = Context(cast(Any, None), threading.BoundedSemaphore(4), lambda _: None, shared=shared)

    def ask(newest: bool = False) -> Product | None:
        return cached_product(context, cast(CatalogStore, database), ID, newest=newest)

    return ask


def outcomes(outcome: str) -> float:
    return REGISTRY.get_sample_value("shop_cache_total", {"cache": "shared", "outcome": outcome}) or 0.0


def stars(number: int) -> catalog.ReviewAdded:
    return catalog.ReviewAdded(ID, f"r{number}", f"u{number}", number % 5 + 1, MOMENT, display_name="Ada")


def test_the_second_read_comes_from_the_cache_and_others_find_the_keys(ask: Any, database: Database, raw: Any) -> None:
    database.tell(1, stars(4))
    assert ask() == ask()
    assert database.asked == 1
    assert (raw.get("product:p1:rating"), raw.get("product:p1:reviewCount")) == (b"5.0", b"1")
    assert all(0 < raw.ttl(key) <= 60 for key in raw.keys("product:*"))


def test_in_doubt_the_database_is_asked_and_no_reader_fills(
    ask: Any, database: Database, shared: SharedCache, raw: Any
) -> None:
    ask()
    shared.doubt([entity(ID)], SUFFIXES)
    database.tell(1, stars(4))
    assert ask().review_count == ask().review_count == 1
    assert database.asked == 3
    assert raw.get("product:p1") is None
    put(shared, to_product(database.documents["products"][ID]), writer=True)
    assert ask().review_count == 1
    assert database.asked == 3


def test_a_slow_readers_old_answer_never_takes_the_place_of_a_newer_one(
    shared: SharedCache, database: Database, ask: Any
) -> None:
    old = to_product(database.documents["products"][ID])
    database.tell(1, stars(4))
    put(shared, to_product(database.documents["products"][ID]), writer=True)
    put(shared, old, writer=False)
    put(shared, old, writer=True)
    assert ask().version == 2
    assert database.asked == 0


def test_who_needs_the_newest_asks_the_database(ask: Any, database: Database) -> None:
    ask()
    ask(newest=True)
    assert database.asked == 2


@pytest.mark.parametrize("value", [b"nonsense", b"{}", b"\xff", b'{"id":"p2"}'])
def test_what_is_wrong_in_the_cache_is_answered_by_the_database_and_counted(
    ask: Any, database: Database, raw: Any, value: bytes
) -> None:
    before = outcomes("error")
    raw.set("product:p1", value)
    assert ask().id == ID
    assert database.asked == 1
    assert outcomes("error") > before


def test_a_cache_that_hangs_or_is_flushed_costs_little_and_fails_nothing(
    ask: Any, database: Database, server: tuple[str, subprocess.Popen[bytes]], raw: Any, until: Callable[..., None]
) -> None:
    ask()
    before = outcomes("error")
    server[1].send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert {ask().id for _ in range(20)} == {ID}
        assert outcomes("error") > before
        assert time.monotonic() - started < 10, "each read waited for the cache"
    finally:
        server[1].send_signal(signal.SIGCONT)
    raw.flushall()
    asked = database.asked

    def cached() -> bool:
        known = database.asked
        ask()
        return database.asked == known

    until(cached, "the cache is used again", 10)
    assert database.asked > asked


def test_doubts_that_could_not_be_told_are_told_later(
    ask: Any, database: Database, shared: SharedCache, raw: Any, until: Callable[..., None],
    server: tuple[str, subprocess.Popen[bytes]],
) -> None:  # fmt: skip
    ask()
    server[1].send_signal(signal.SIGSTOP)
    try:
        shared.doubt([entity(ID)], SUFFIXES)
    finally:
        server[1].send_signal(signal.SIGCONT)

    def told() -> bool:
        shared.doubt([entity("another")], SUFFIXES)
        return raw.get("product:p1") is None

    until(told, "the missed doubt is told", 10)


def test_a_stampede_asks_the_database_once(ask: Any, database: Database, until: Callable[..., None]) -> None:
    database.gate.clear()
    found: list[Product | None] = []
    threads = [threading.Thread(target=lambda: found.append(ask())) for _ in range(40)]
    for thread in threads:
        thread.start()
    until(lambda: database.asked == 1, "the first one asks", 10)
    database.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 40
    assert database.asked == 1


class Replicas(MemoryCampaigns):
    """Replicas of cm-api with one read model, each with a connection of its own to the cache."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def replica(self) -> LiveSet:
        shared = SharedSnapshots(SharedCache(self.url, 60))
        return LiveSet(self, lambda: {0: self.applied}, lambda: self.now, shared)

    def live(self, replica: LiveSet) -> list[str]:
        return [doc["_id"] for doc in replica.get("campaigns", {}).items]


@pytest.fixture
def replicas(server: tuple[str, Any], raw: Any) -> Replicas:
    return Replicas(server[0])


def test_of_many_replicas_one_asks_what_is_live_and_the_cache_is_refreshed_with_a_change(
    replicas: Replicas, raw: Any
) -> None:
    many = [replicas.replica() for _ in range(3)]
    replicas.put("a", 0, 1000)
    assert [replicas.live(each) for each in many] == [["a"]] * 3
    assert replicas.asked["window"] == len(KINDS)
    assert 0 < raw.ttl(ENTITY) <= 60
    replicas.put("b", 10, 1000)
    replicas.put("c", 0, 1000)
    heard = {0: replicas.applied}
    assert all(each.keep_up(heard) for each in many)
    assert replicas.asked["window"] == 2 * len(KINDS)
    assert [replicas.live(each) for each in many] == [["a", "c"]] * 3
    replicas.now += timedelta(seconds=10)
    assert [replicas.live(each) for each in many] == [["a", "c", "b"]] * 3, "at its second"
    assert replicas.asked["window"] == 2 * len(KINDS)


def test_an_older_or_an_old_snapshot_is_never_taken(replicas: Replicas, raw: Any) -> None:
    replicas.live(replicas.replica())
    stale = raw.get(ENTITY)
    replicas.put("a", 0, 1000)
    raw.set(ENTITY, stale)
    assert replicas.live(replicas.replica()) == ["a"], "the database is further"
    asked = replicas.asked["window"]
    replicas.docs.clear()  # by a hand, which no position tells of
    replicas.now += RENEW_AFTER
    assert replicas.live(replicas.replica()) == []
    assert replicas.asked["window"] > asked


@pytest.mark.parametrize("value", [b"nonsense", b"\x80", b"\xff", b'{"window":{}}'])
def test_a_wrong_live_set_in_the_cache_is_answered_by_the_database(replicas: Replicas, raw: Any, value: bytes) -> None:
    before = outcomes("error")
    replicas.put("a", 0, 1000)
    raw.set(ENTITY, value)
    assert replicas.live(replicas.replica()) == ["a"]
    assert outcomes("error") > before


def test_a_cache_that_hangs_keeps_no_live_set_from_being_right(
    replicas: Replicas, server: tuple[str, subprocess.Popen[bytes]], raw: Any
) -> None:
    replica = replicas.replica()
    replicas.live(replica)
    server[1].send_signal(signal.SIGSTOP)
    try:
        replicas.put("a", 0, 1000)
        assert replica.keep_up({0: replicas.applied})
        assert replicas.live(replica) == replicas.live(replicas.replica()) == ["a"]
    finally:
        server[1].send_signal(signal.SIGCONT)
