"""mode: DryRun decides, explains and records; KEDA is held, and no pod comes or goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator import metrics
from shop_operator.desired import scaler, shop_consumers
from shop_operator.testing import ConsumerPlace as Place
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.rule import Limits, decide

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
HELD = {"autoscaling.keda.sh/paused": "true"}


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
