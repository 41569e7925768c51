"""maxDelay: late events raise the least number of pods, in the rule, in KEDA's order and in the replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator import metrics
from shop_operator.testing import ConsumerPlace
from shop_runtime.scaling.delay_trigger import DelayTrigger
from shop_runtime.scaling.event_age import Age
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.replay import Settings, replay
from shop_runtime.scaling.rule import Cap, Floor, Limits, decide
from shop_runtime.scaling.simulation import World

Manifest = dict[str, Any]
Make = Callable[..., Manifest]


def group(*lags: int) -> Observation:
    return Observation(tuple(Partition(n, 0, 100 + lag, 100) for n, lag in enumerate(lags)), 1)


def asked(age: float, pods: int, seen: Observation) -> int | None:
    floor = DelayTrigger().observe(0, seen, Age(age), "30s", pods, 60)
    return floor.pods if floor else None


@pytest.mark.parametrize(
    ("age", "pods", "count"),
    [(0, 2, None), (15, 2, None), (16, 2, 3), (30, 2, 4), (45, 2, 6), (45, 0, 1), (600, 2, 12)],
)
def test_from_half_of_max_delay_on_more_pods_are_asked_for(age: float, pods: int, count: int | None) -> None:
    assert asked(age, pods, group(*[10] * 12)) == count


def test_no_more_than_there_are_partitions_with_lag() -> None:
    assert asked(600, 2, group(500, 0, 0, 0)) == 1, "one partition that stands still needs no more pods"
    assert asked(600, 2, group(0, 0)) is None


def test_what_was_asked_for_holds_for_the_cooldown() -> None:
    trigger, seen = DelayTrigger(), group(*[10] * 12)
    assert trigger.observe(0, seen, Age(45), "30s", 2, 60) == Floor(6, "delay 45s with maxDelay 30s")
    held = trigger.observe(60, seen, Age(1), "30s", 6, 60)
    assert held and held.pods == 6
    assert trigger.observe(61, seen, Age(1), "30s", 6, 60) is None


@pytest.mark.parametrize(
    ("limits", "wanted", "reason"),
    [
        (Limits(1, 12, None, 100, floor=Floor(6, "late")), 6, "late: 6"),
        (Limits(1, 12, None, 10, floor=Floor(6, "late")), 12, "lag 120 / 10 a pod = 12"),
        (Limits(8, 12, None, 100, floor=Floor(6, "late")), 8, "minReplicas 8: late needs 6"),
        (Limits(1, 4, None, 100, floor=Floor(6, "late")), 4, "maxReplicas 4: late would need 6"),
        (Limits(1, 12, None, 100, cap=Cap(3, "bound"), floor=Floor(6, "late")), 3, "bound: late would need 6"),
    ],
)
def test_the_rule_says_that_events_are_late(limits: Limits, wanted: int, reason: str) -> None:
    decision = decide(limits, group(*[10] * 12), keda=True)
    assert (decision.wanted, decision.reason) == (wanted, reason)


def test_the_delay_is_a_column_and_a_metric_without_max_delay_too(consumer: Make) -> None:
    place = ConsumerPlace(consumer())
    place.look(0, at=0)
    place.look(120, at=10)
    status = place.look(120, at=40)
    assert status["delay"] == "40s"
    assert metrics.DELAY.labels("ns", "billing")._value.get() == 40
    assert place.the("ScaledObject")["spec"]["minReplicaCount"] == 1
    assert {c["type"]: c["status"] for c in status["conditions"]}["MaxDelayExceeded"] == "False"
    assert place.look(0, at=45, committed=12_120)["delay"] == "0s"


def test_late_events_raise_kedas_minimum_and_say_so(consumer: Make) -> None:
    place = ConsumerPlace(consumer(minReplicas=2, lagThreshold=10_000, maxDelay="30s"))
    place.look(0, at=0)
    place.runs(2)
    place.look(120, at=10)
    status = place.look(120, at=45)
    assert place.the("ScaledObject")["spec"]["minReplicaCount"] == 6
    assert status["reason"] == "delay 45s with maxDelay 30s: 6"
    (told,) = place.told("MaxDelayExceeded")
    assert told.startswith("The oldest event that is not stored is 45s old or older, and maxDelay is 30s. REASON says")


def test_in_the_replay_it_makes_events_less_late() -> None:
    arrivals = [150.0] * 300
    plain, bound = (replay(arrivals, World(), Settings(lag_threshold=5000, max_delay=each)) for each in (None, "30s"))
    assert max(m.delay for m in bound[200:]) <= 30 < max(m.delay for m in plain)
    assert any(m.reason.startswith("delay ") for m in bound)
