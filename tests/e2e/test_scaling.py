"""What the platform is for: consumers that follow the lag, on a real cluster, by the commands that a user types, while
pods die and are replaced, and nothing is lost or counted twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_cluster.installation import Installation
from shop_cluster.places import ROOT
from shop_cluster.shopping import Load, Shoppers

PURCHASES = 30_000
LAG_PER_POD = 4_000
NAME = "purchases"
REACTIONS = ROOT / ".cluster" / "reactions.json"


@pytest.fixture
def load(shop: Installation) -> Load:
    return Load(shop)


@pytest.fixture
def sleeping(shop: Installation, until: Callable[..., None]) -> Iterator[None]:
    """The purchases' consumers scale from zero while the test runs, one pod for each 4,000 events of lag."""
    before = next(c for c in shop.get("shop", shop.name)["spec"]["consumers"] if c["domain"] == NAME)
    change_consumer(shop, before | {"minReplicas": 0, "maxReplicas": 6, "lagThreshold": LAG_PER_POD})
    until(lambda: replicas(shop) == 0, "no lag: no pod", 180)
    yield
    change_consumer(shop, before)
    until(lambda: replicas(shop) >= before.get("minReplicas", 1), "as it was before", 120)


def change_consumer(shop: Installation, wanted: dict[str, Any]) -> None:
    consumers = [c if c["domain"] != NAME else wanted for c in shop.get("shop", shop.name)["spec"]["consumers"]]
    shop.kubectl("patch", "shop", shop.name, "--type=merge", "-p", json.dumps({"spec": {"consumers": consumers}}))


def consumer(shop: Installation, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = shop.get("shopconsumer", name)
    return found


def replicas(shop: Installation, name: str = NAME) -> int:
    return int(consumer(shop, name).get("status", {}).get("replicas", 0))


def lag(shop: Installation, name: str = NAME) -> int:
    return int(consumer(shop, name).get("status", {}).get("lag") or 0)


def condition(shop: Installation, kind: str, name: str = NAME) -> dict[str, Any]:
    found = consumer(shop, name).get("status", {}).get("conditions", [])
    return next((entry for entry in found if entry["type"] == kind), {"status": "Unknown"})


def shown(shop: Installation, name: str = NAME) -> dict[str, str]:
    """The row that `kubectl get shopconsumer` prints, by column."""
    head, row = shop.kubectl("get", "shopconsumer", name).splitlines()
    starts = [head.index(title) for title in head.split()]
    ends = [*starts[1:], None]
    return {title: row[a:b].strip() for title, a, b in zip(head.split(), starts, ends, strict=True)}


def test_consumers_follow_the_lag_from_zero_and_back(
    shop: Installation, load: Load, sleeping: None, until: Callable[..., None]
) -> None:
    """The reaction times are left in .cluster/reactions.json, from where docs/reference/benchmarks.md has them."""
    reactions: dict[str, float] = {}
    started = time.monotonic()
    load.batch(PURCHASES)
    posted = time.monotonic()
    seen: list[dict[str, str]] = []

    def more_than_one() -> bool:
        seen.append(shown(shop))
        return replicas(shop) > 1

    until(more_than_one, "several pods work the lag off", 120)
    reactions["seconds_to_several_pods"] = round(time.monotonic() - started, 1)
    until(lambda: load.arrived() == PURCHASES, "all purchases are stored", 300)
    reactions["seconds_to_drained"] = round(time.monotonic() - posted, 1)
    assert any(int(row["LAG"] or 0) > 0 and row["REASON"] for row in seen), seen
    until(lambda: replicas(shop) == 0, "the pods are gone with the lag", 180)
    reactions["seconds_to_zero"] = round(time.monotonic() - posted, 1)
    events = shop.kubectl("get", "events", "--field-selector", f"involvedObject.name={NAME}", "-o", "wide")
    assert "Scaled" in events
    woken = time.monotonic()
    load.one(PURCHASES)
    until(lambda: load.arrived() == PURCHASES + 1, "one purchase wakes a pod", 120)
    reactions["seconds_from_zero_to_stored"] = round(time.monotonic() - woken, 1)
    REACTIONS.parent.mkdir(exist_ok=True)
    REACTIONS.write_text(json.dumps(reactions))
    load.judge()


def test_a_scale_command_pins_and_its_removal_unpins(shop: Installation, until: Callable[..., None]) -> None:
    shop.kubectl("scale", f"shopconsumer/{NAME}", "--replicas=2")
    try:
        until(lambda: shown(shop)["REPLICAS"] == "2" and shown(shop)["MODE"] == "Pinned", "pinned at two", 90)
    finally:
        shop.kubectl("patch", "shopconsumer", NAME, "--type=json", "-p", '[{"op":"remove","path":"/spec/replicas"}]')
    until(lambda: shown(shop)["MODE"] == "Auto", "scaling is KEDA's again", 90)


def test_more_pods_than_partitions_are_reported_with_the_fix(shop: Installation, until: Callable[..., None]) -> None:
    before = next(c for c in shop.get("shop", shop.name)["spec"]["consumers"] if c["domain"] == NAME)
    change_consumer(shop, before | {"maxReplicas": 99})
    try:
        until(lambda: condition(shop, "PartitionBound")["status"] == "True", "the doctor has looked", 60)
        assert "maxReplicas" in condition(shop, "PartitionBound")["message"]
    finally:
        change_consumer(shop, before)
    until(lambda: condition(shop, "PartitionBound")["status"] == "False", "the advice was followed", 60)


FOREIGN = """
import signal, sys
from kafka import KafkaConsumer
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
consumer = KafkaConsumer("shop.purchases", bootstrap_servers=sys.argv[1], group_id="cm-api-foreign",
                         auto_offset_reset="earliest", security_protocol="SASL_SSL", ssl_cafile="/etc/ca/ca.crt",
                         sasl_mechanism="SCRAM-SHA-512", sasl_plain_username="foreign",
                         sasl_plain_password=open("/etc/login/foreign").read())
for record in consumer:
    pass
"""


def test_a_foreign_image_scales_the_same_way(shop: Installation, load: Load, until: Callable[..., None]) -> None:
    ours = shop.get("shopconsumer", NAME)["spec"]
    kafka = ours["kafka"]["bootstrapServers"]
    # A user of its own, by kafka.security.extraUsers (tests/cluster/values.yaml): it reads one topic in one group.
    mounted = {"/etc/shop/kafka": ("/etc/login", ["foreign"]), "/etc/shop/kafka-ca": ("/etc/ca", ["ca.crt"])}
    secrets = [
        {"name": each["name"], "mountPath": mounted[each["mountPath"]][0], "keys": mounted[each["mountPath"]][1]}
        for each in ours["secrets"]
        if each["mountPath"] in mounted
    ]
    image = shop.get("shop", shop.name)["spec"]["images"]["cmApi"]  # any image with a Kafka client; ours is at hand
    load.batch(1000)
    spec = {
        "topic": "shop.purchases", "group": "cm-api-foreign", "image": image,
        "command": ["python3", "-c", FOREIGN, kafka],
        "kafka": ours["kafka"], "secrets": secrets, "minReplicas": 0, "maxReplicas": 3, "lagThreshold": 100,
        "pollingInterval": 5, "cooldownPeriod": 10,
    }  # fmt: skip
    head = {"apiVersion": "scalable-shop.dev/v1alpha1", "kind": "ShopConsumer"}
    shop.apply(head | {"metadata": {"name": "foreign", "namespace": shop.namespace}, "spec": spec})
    try:
        until(lambda: replicas(shop, "foreign") > 0, "the lag of a group that never committed wakes a pod", 120)
        until(lambda: replicas(shop, "foreign") == 0 and lag(shop, "foreign") == 0, "and it sleeps again", 240)
    finally:
        shop.kubectl("delete", "shopconsumer", "foreign", "--timeout=90s")


def test_killed_pods_lose_and_double_nothing(shop: Installation, load: Load, until: Callable[..., None]) -> None:
    with Shoppers(load) as shoppers:
        for selector in (
            "scalable-shop.dev/consumer=purchases",
            "app.kubernetes.io/component=broker",
            "scalable-shop.dev/consumer=purchases",
        ):
            mark = shoppers.bought
            until(lambda mark=mark: shoppers.bought > mark + 50, "the shop sells", 120)
            shop.kubectl("delete", "pod", "-l", selector, "--force", "--grace-period=0")
        mark = shoppers.bought
        until(lambda mark=mark: shoppers.bought > mark + 50, "the shop sells again", 180)
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 180)
    load.judge()


def test_a_rolling_upgrade_of_the_door_fails_no_request(
    shop: Installation, load: Load, until: Callable[..., None]
) -> None:
    with Shoppers(load) as shoppers:
        until(lambda: shoppers.bought > 20, "the shop sells", 60)
        shop.kubectl("rollout", "restart", f"deployment/{shop.name}-cm-server")
        shop.kubectl("rollout", "status", f"deployment/{shop.name}-cm-server", "--timeout=180s")
        mark = shoppers.bought
        until(lambda: shoppers.bought > mark + 50, "and sells on", 60)
    assert not load.refused
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 120)
    load.judge()
