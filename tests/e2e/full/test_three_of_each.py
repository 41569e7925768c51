"""Three controllers and three brokers with three copies: a broker is killed, another loses its volume,
while clients buy.

How often a client had to ask again, and the longest that it took, is left in .cluster/three.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_cluster.client import Client
from shop_cluster.installation import Installation
from shop_cluster.kafka_nodes import node, ready
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


def complete(shop: Installation) -> bool:
    """Whether every partition has all its copies in step."""
    said = shop.kubectl("exec", f"deploy/{shop.name}-cm-server", "--", "python3", "-c", COPIES)
    return all(copies == [3, 3] for copies in json.loads(said))


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
