"""Everything that the shop shows equals what its documented rules make of its log, after clients who do all at once,
consumers that are killed and held, and rebuilds meanwhile.

MODEL_SEEDS and MODEL_STEPS (of each client) make a run large: `make test-long`. A seed gives the same intentions
each time; which of them meet is up to the machine, so a failure tells the requests that led to it.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_model import log, views
from shop_model.clients import Client, Command, Town
from shop_model.rules import Analytics, Catalog, Domain, Purchases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SEEDS = int(os.environ.get("MODEL_SEEDS", "2"))
STEPS = int(os.environ.get("MODEL_STEPS", "20"))
CLIENTS, USERS, PRODUCTS = 6, 5, 8
TOPICS = {"shop.purchases": Purchases, "shop.catalog": Catalog, "shop.analytics": Analytics}
KILLS, HOLDS = 2, 3
KEY_USED = "used before"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: Any) -> Iterator[Any]:
    """One of its own, with two consumers of each domain, so that partitions are ahead of each other."""
    words = [word for name in ("purchases", "catalog", "analytics") for word in ("--consumers", f"{name}=2")]
    with start_platform(tmp_path_factory.mktemp("model"), *words) as platform:
        yield platform


@pytest.fixture(scope="module")
def asked() -> set[str]:
    """The receipts that are known to be right already."""
    return set()


def open_shop(platform: Any) -> Town:
    town = Town(platform.request, [f"u{n}-{uuid.uuid4().hex[:6]}" for n in range(USERS)], [])
    for number in range(PRODUCTS):
        command = Command("POST", "/v1/products", {"name": f"p{number}", "price": "5"}, (("Prefer", "wait=10"),))
        town.products.append(town.send(command)[1]["id"])
    return town


class Trouble:
    """What befalls the consumers until the clients are done."""

    def __init__(self, platform: Any, seed: int) -> None:
        self.platform = platform
        self.random = random.Random(seed)
        self.left = [self.hold] * HOLDS + [self.kill] * KILLS
        self.random.shuffle(self.left)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while self.left and not self.done.wait(self.random.uniform(0.5, 2.0)):
            domain = self.random.choice(("catalog", "catalog", "purchases", "analytics"))
            name = f"{domain}-consumer-{self.random.randint(1, 2)}"
            if self.platform.running(name):
                self.left.pop()(name)

    def kill(self, name: str) -> None:
        self.platform.signal(name, signal.SIGKILL)

    def hold(self, name: str) -> None:
        pid = self.platform.signal(name, signal.SIGSTOP)
        self.done.wait(self.random.uniform(0.2, 1.0))  # of a few: one in a transaction holds the embedded database
        os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        self.done.set()
        self.thread.join()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_view_is_what_the_rules_make_of_the_log(
    shop: Any, asked: set[str], until: Callable[..., None], seed: int
) -> None:
    town = open_shop(shop)
    clients = [Client(town, f"{seed}-{number}") for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.live, args=(STEPS,)) for client in clients]
    trouble = Trouble(shop, seed)
    try:
        for thread in threads:
            thread.start()
        checked = shop.shopctl("rebuild", "catalog", "--check")
        for thread in threads:
            thread.join()
    finally:
        trouble.end()
    assert checked.returncode == 0, checked.stdout
    logs = {topic: log.read(shop.bootstrap, topic) for topic in TOPICS}
    for topic, partitions in logs.items():
        ends = {number: len(records) for number, records in enumerate(partitions)}
        until(lambda topic=topic, ends=ends: shop.passed(ends, topic), f"{topic} is drained", 120)
    until(lambda: shop.db["outbox"].count_documents({}) == 0, "every change is told", 60)
    time.sleep(1.2)  # as long as what is read may be behind what is stored; nothing tells when it isn't
    found = [*differences(shop, town, replayed(shop, logs), asked), *answers(shop, town)]
    assert not found, told(town, found)
    for words in (("rebuild", "catalog"), ("verify", "ratings"), ("rebuild", "catalog", "--check")):
        done = shop.shopctl(*words)
        assert done.returncode == 0, (words, done.stdout)


def replayed(shop: Any, logs: dict[str, list[list[log.Record]]]) -> dict[str, Any]:
    """Each domain by its rules; the shop's own word is taken for keys in two partitions alone."""
    found: dict[str, Any] = {}
    for topic, partitions in logs.items():
        query = {"topic": topic, "status": 409, "reason": {"$regex": KEY_USED}}
        domain: Domain = TOPICS[topic](key_refused={doc["_id"] for doc in shop.db["rejections"].find(query)})
        erasures = {r.receipt for r in log.in_order(partitions) if r.type == log.ERASED}
        domain.key_refused -= erasures
        domain.replay(log.in_order(partitions))
        found[topic] = domain
    return found


def differences(shop: Any, town: Town, models: dict[str, Any], asked: set[str]) -> Iterator[str]:
    ask = views.asker(shop.request)
    purchases, catalog, analytics = models.values()
    yield from views.of_purchases(ask, purchases, town.users)
    yield from views.of_catalog(ask, catalog, purchases, town.products)
    yield from views.of_exports(ask, purchases, catalog, town.users)
    yield from views.of_analytics(ask, analytics)
    yield from views.of_receipts(ask, models.values(), asked)
    told = [record.data for record in log.in_order(log.read(shop.bootstrap, "shop.ratings"))]
    yield from views.of_ratings([each for each in told if each["productid"] in town.products], catalog)


def answers(shop: Any, town: Town) -> Iterator[str]:
    """What each client was told while it waited is what its receipt says for good."""
    ask = views.asker(shop.request)
    for command, status, said in town.answers:
        if status >= 500 and status != 503:
            yield f"{command.curl()}: {status} {said}"
        if (receipt := said.get("receipt")) is None or status in (202, 503):
            continue
        _, now = ask(f"/v1/receipts/{receipt}")
        expected = "stored" if status < 300 else "rejected"
        if now["state"] not in (expected, "accepted" if status == 204 else expected):
            yield f"{command.curl()}: {status}, but its receipt says {now}"


def told(town: Town, found: list[str]) -> str:
    """The differences, and the requests that are about the first one's user or product."""
    names = [name for name in (*town.users, *town.products) if name in found[0]]
    led = [f"{each.curl()}  # {status}" for each, status, _ in town.answers if any(n in each.curl() for n in names)]
    return "\n".join([*found[:20], f"{len(found)} differences; the requests about the first:", *led[-30:]])
