"""Three controllers and three brokers with three copies, while clients buy: a broker is killed, another loses its
volume, all are restarted one by one, all are evicted as by a drain.

How often a client had to ask again, and the longest that it took, is left in .cluster/three.json."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_cluster.client import Client
from shop_cluster.commands import ClusterError
from shop_cluster.evictions import Budget, evict
from shop_cluster.installation import Installation
from shop_cluster.kafka_nodes import called, node, nodes, ready, uids
from shop_cluster.places import ROOT
from shop_cluster.shopping import Load, Shoppers

VALUES = Path(__file__).with_name("values-three.yaml")
FIGURES = ROOT / ".cluster" / "three.json"
BROKER, CONTROLLER = "shop-kafka-broker", "shop-kafka-controller"
# Purchases that a client may have to send again, of a hundred.
REFUSED_AT_MOST = 2
COPIES = """
import json, os
from shop_core.kafka.topics import admin
with admin(os.environ["KAFKA_BOOTSTRAP_SERVERS"]) as client:
    [topic] = client.describe_topics(["shop.purchases"])
print(json.dumps([[len(p["isr_nodes"]), len(p["replica_nodes"])] for p in topic["partitions"]]))
"""
Until = Callable[..., None]


@pytest.fixture(scope="module")
def three(k8s: Client) -> Iterator[Installation]:
    made = Installation(k8s, "three", host="three.localtest.me")
    made.install("-f", str(VALUES))
    yield made
    made.uninstall()
    k8s.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture
def selling(three: Installation, until: Until, request: pytest.FixtureRequest) -> Iterator[Shoppers]:
    """Clients buy while the test runs, and at its end; then nothing may be lost, doubled or refused for long."""
    until(lambda: three.ask("GET", "/healthz").status == 200, "the ingress knows the door")
    load = Load(three)
    with Shoppers(load) as shoppers:
        sell(shoppers, until)
        yield shoppers
        sell(shoppers, until)
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 180)
    load.judge()
    note(request.node.name, load)
    assert load.refused.total() * 100 <= REFUSED_AT_MOST * len(load.ids), load.refused


def note(name: str, load: Load) -> None:
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[name] = {"bought": len(load.ids), "again": dict(load.refused), "longest_seconds": round(load.longest, 1)}
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(known, indent=1))


def sell(shoppers: Shoppers, until: Until, count: int = 50) -> None:
    mark = shoppers.bought
    until(lambda: shoppers.bought > mark + count, "the shop sells", 120)


def copies(shop: Installation) -> list[list[int]]:
    """Of each partition, how many copies are in step, and how many there are."""
    said: list[list[int]] = json.loads(
        shop.kubectl("exec", f"deploy/{shop.name}-cm-server", "--", "python3", "-c", COPIES)
    )
    return said


def complete(shop: Installation) -> bool:
    """Whether every partition has all its copies in step."""
    return all(each == [3, 3] for each in copies(shop))


class Watch:
    """The fewest copies of a partition that were seen in step."""

    def __init__(self, shop: Installation) -> None:
        self._shop = shop
        self.fewest = 3
        self.looks = 0

    def look(self) -> None:
        # The broker that is asked may be the one that goes.
        with contextlib.suppress(ClusterError):
            self.fewest = min(self.fewest, *(in_step for in_step, _ in copies(self._shop)))
            self.looks += 1

    def judge(self) -> None:
        assert self.looks > 10 and self.fewest == 2, (self.looks, self.fewest)


def all_back(shop: Installation, until: Until) -> None:
    for name in (CONTROLLER, BROKER):
        shop.kubectl("rollout", "status", f"statefulset/{name}", "--timeout=600s")
    until(lambda: complete(shop), "all copies are in step", 180)


@pytest.mark.timeout(1200)
def test_a_broker_is_killed(three: Installation, selling: Shoppers, until: Until) -> None:
    until(lambda: complete(three), "all copies are in step", 180)
    gone = node(three, f"{BROKER}-1")["metadata"]["uid"]
    three.kubectl("delete", "pod", f"{BROKER}-1", "--force", "--grace-period=0")
    sell(selling, until)

    def replaced() -> bool:
        found = node(three, f"{BROKER}-1")
        return ready(found) and found["metadata"]["uid"] != gone

    until(replaced, "another pod took its place", 180)
    all_back(three, until)


@pytest.mark.timeout(1200)
def test_a_broker_loses_its_volume(three: Installation, selling: Shoppers, until: Until) -> None:
    claim, name = f"data-{BROKER}-2", f"{BROKER}-2"
    until(lambda: complete(three), "all copies are in step", 180)
    lost = three.get("pvc", claim)["metadata"]["uid"]
    three.kubectl("delete", "pvc", claim, "--wait=false")
    three.kubectl("delete", "pod", name)
    until(lambda: ready(node(three, name)), "a pod with an empty volume took its place", 240)
    assert three.get("pvc", claim)["metadata"]["uid"] != lost
    all_back(three, until)
    # The copies that it took over are whole: with another broker away, two are still needed.
    three.kubectl("delete", "pod", f"{BROKER}-0", "--force", "--grace-period=0")
    sell(selling, until)
    all_back(three, until)


@pytest.mark.timeout(1800)
def test_all_are_restarted_one_by_one(three: Installation, selling: Shoppers, until: Until) -> None:
    until(lambda: complete(three), "all copies are in step", 180)
    before, watch = uids(three), Watch(three)
    assert len(before) == 6
    three.kubectl("rollout", "restart", f"statefulset/{BROKER}", f"statefulset/{CONTROLLER}")

    def restarted() -> bool:
        watch.look()
        return not set(before.values()) & set(uids(three).values())

    until(restarted, "each node is another pod", 900)
    all_back(three, until)
    watch.judge()


@pytest.mark.timeout(1800)
def test_all_are_evicted_one_by_one(three: Installation, selling: Shoppers, until: Until) -> None:
    """As a drain of one node after the other would: each pod goes as soon as its budget lets it."""
    until(lambda: complete(three), "all copies are in step", 180)
    watch, found = Watch(three), [Budget(three, name) for name in (BROKER, CONTROLLER)]
    waiting = {called(pod): pod for pod in nodes(three)}
    refused = 0

    def evicted() -> bool:
        nonlocal refused
        for name, pod in tuple(waiting.items()):
            if evict(three, pod):
                waiting.pop(name)
            else:
                refused += 1
            assert all(budget.kept() for budget in found)
        watch.look()
        return not waiting

    until(evicted, "each was evicted", 900)
    assert refused >= 4
    all_back(three, until)
    watch.judge()
