"""mode: DryRun decides, explains and records; KEDA is held, and no pod comes or goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from shop_operator import metrics
from shop_operator.controllers.consumer import Consumers
from shop_operator.controllers.group_monitor import Groups, Seen
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired import scaler, shop_consumers
from shop_operator.testing import MergingCluster
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.rule import Limits, decide

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
HELD = {"autoscaling.keda.sh/paused": "true"}


class Known(Groups):
    """Kafka's answers, as a test says them."""

    def __init__(self) -> None:
        self.lag = 0

    def latest(self, body: Manifest) -> Seen | None:
        partitions = tuple(Partition(number, 0, 1000 + self.lag // 12, 1000) for number in range(12))
        return Seen(1, 1.0, Observation(partitions, 1))

    def sharing(self, body: Manifest, mine: Observation) -> list[str]:
        return []


class Place:
    """One ShopConsumer, looked at as often as a test wants."""

    def __init__(self, body: Manifest) -> None:
        self.cluster, self.groups = MergingCluster(body), Known()
        self._consumers = Consumers(self.cluster, self.groups, Reporter(self.cluster))

    def look(self, lag: int = 0) -> Manifest:
        """The status after a look that found so much lag."""
        self.groups.lag = lag
        assert self._consumers.reconcile("ns", "billing")
        return cast(Manifest, self.the("ShopConsumer")["status"])

    def the(self, kind: str) -> Manifest:
        (found,) = self.cluster.of(kind)
        return found

    def told(self, reason: str) -> list[str]:
        return [event["message"] for event in self.cluster.of("Event") if event["reason"] == reason]


@pytest.fixture
def place(consumer: Make) -> Place:
    return Place(consumer(mode="DryRun"))


def test_it_says_what_it_would_do_and_does_nothing(place: Place) -> None:
    first = place.look()
    assert (first["mode"], first["needed"], first["wanted"]) == ("DryRun", 1, 1)
    busy = place.look(lag=480)
    assert (busy["needed"], busy["wanted"]) == (5, 1)
    assert busy["reason"] == "would be 5: lag 480 / 100 a pod = 5"
    assert place.the("Deployment")["spec"]["replicas"] == 1
    assert place.the("ScaledObject")["metadata"]["annotations"] == HELD
    assert metrics.WANTED.labels("ns", "billing")._value.get() == 5
    assert {c["type"]: c["status"] for c in busy["conditions"]}["NotScaling"] == "False"


def test_an_event_tells_each_other_number_once(place: Place) -> None:
    for lag in (0, 480, 480, 0):
        place.look(lag)
    assert place.told("WouldScale") == [
        "would be 1: no lag: minReplicas 1 (asked for: 1 pod)",
        "would be 5: lag 480 / 100 a pod = 5 (asked for: 1 pod)",
    ]
    (first, _) = (e for e in place.cluster.of("Event") if e["reason"] == "WouldScale")
    assert first["count"] == 2, "it was told when it began and when the lag had gone"


def test_pods_that_a_hand_asks_for_stay(place: Place) -> None:
    place.look()
    live = place.the("Deployment")
    live["spec"]["replicas"] = 7
    place.cluster.put(live)
    assert place.look(lag=480)["wanted"] == 7


def test_a_pin_still_pins(consumer: Make) -> None:
    place = Place(consumer(mode="DryRun", replicas=3))
    place.look(lag=480)
    assert place.the("Deployment")["spec"]["replicas"] == 3
    assert place.the("ScaledObject")["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "3"}


def test_without_keda_it_decides_all_the_same() -> None:
    limits = Limits(1, 12, None, 100, dry=True)
    seen = Observation(tuple(Partition(n, 0, 140, 100) for n in range(12)), 1)
    assert decide(limits, seen, keda=False).reason == "would be 5: lag 480 / 100 a pod = 5"
    assert decide(limits, None, keda=False).wanted is None


def test_auto_is_the_default_and_holds_nothing(consumer: Make, shop: Make) -> None:
    assert consumer()["spec"]["mode"] == "Auto"
    assert "annotations" not in scaler.scaled_object(consumer(), 100, 12)["metadata"]
    (made,) = shop_consumers.consumers(shop(consumers=[{"domain": "purchases", "mode": "DryRun"}]))
    assert made["spec"]["mode"] == "DryRun", "a Shop hands it on"
