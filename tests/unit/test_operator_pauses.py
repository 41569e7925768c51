"""What of KEDA's own a ShopConsumer says: activation, fallback, and a pause of one direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.decisions.printer_columns import columns
from shop_operator.decisions.scaling_progress import Gap, fallen_back, not_scaling
from shop_operator.desired import scaler, shop_consumers
from shop_operator.testing import ConsumerPlace
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.replay import Settings, replay
from shop_runtime.scaling.rule import Decision, Limits, decide
from shop_runtime.scaling.simulation import World
from shop_runtime.scaling.speed import Speed

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
IN, OUT = "autoscaling.keda.sh/paused-scale-in", "autoscaling.keda.sh/paused-scale-out"
FALLBACK = {"failureThreshold": 3, "replicas": 4}
AWAY = {"metadata": {"name": "billing"}, "status": {"conditions": [{"type": "Fallback", "status": "True"}]}}


def test_they_are_handed_to_keda_in_its_words(consumer: Make) -> None:
    body = consumer(minReplicas=0, activationLagThreshold=5, fallback=FALLBACK, pauseScaleIn=True)
    made = scaler.scaled_object(body, 100, 12)
    assert made["spec"]["triggers"][0]["metadata"]["activationLagThreshold"] == "5"
    assert made["spec"]["fallback"] == FALLBACK
    assert made["metadata"]["annotations"] == {IN: "true"}
    assert scaler.scaled_object(consumer(pauseScaleOut=True), 100, 12)["metadata"]["annotations"] == {OUT: "true"}
    plain = scaler.scaled_object(consumer(pauseScaleIn=False), 100, 12)
    assert "annotations" not in plain["metadata"] and "fallback" not in plain["spec"]


def test_a_pin_and_a_dry_run_hold_both_directions(consumer: Make) -> None:
    for spec, mark in (({"replicas": 2}, "paused-replicas"), ({"mode": "DryRun"}, "paused")):
        made = scaler.scaled_object(consumer(pauseScaleIn=True, **spec), 100, 12)
        assert list(made["metadata"]["annotations"]) == [f"autoscaling.keda.sh/{mark}"]


@pytest.mark.parametrize(("lag", "minimum", "wanted"), [(5, 0, 0), (6, 0, 1), (5, 1, 1)])
def test_lag_that_wakes_no_pod_is_said_to_be_so(lag: int, minimum: int, wanted: int) -> None:
    seen = Observation((Partition(0, 0, lag, 0), Partition(1, 0, 0, 0)), 0)
    decision = decide(Limits(minimum, 12, None, 100, activation=5), seen, keda=True)
    assert decision.wanted == wanted
    said = "lag 5 is not above activationLagThreshold 5: minReplicas 0"
    assert (decision.reason == said) == (lag == 5 and minimum == 0)


def test_while_keda_falls_back_that_is_the_reason(consumer: Make) -> None:
    spec = consumer(fallback=FALLBACK)["spec"]
    said = fallen_back(spec, AWAY)
    assert said == Decision(None, "Waiting", "KEDA cannot read the lag: fallback to 4 pods (static)")
    assert fallen_back(spec, {"status": {}}) is fallen_back(consumer()["spec"], AWAY) is None
    assert fallen_back(spec | {"replicas": 2}, AWAY) is None, "a pin wins"
    place = ConsumerPlace(consumer(fallback=FALLBACK))
    place.look()
    place.cluster.put(place.the("ScaledObject") | {"status": AWAY["status"]})
    status = place.look(lag=480)
    assert (status["mode"], status["reason"]) == ("Waiting", "KEDA cannot read the lag: fallback to 4 pods (static)")


def test_a_direction_that_is_paused_by_the_spec_is_no_fault(consumer: Make) -> None:
    def said(mark: str, **spec: Any) -> str:
        live = {"metadata": {"name": "billing", "annotations": {mark: "true"}}, "status": {}}
        return not_scaling(consumer(**spec)["spec"], 999, Gap(side=-1, asked=5), 1, live, None).reason

    assert said(IN, pauseScaleIn=True) == "PausedBySpec"
    assert said(IN) == said(OUT, pauseScaleIn=True) == "Paused", "by a hand"


@pytest.mark.parametrize(
    ("asked", "spec", "more"),
    [
        (5, {}, ", after the cooldown"),
        (5, {"pauseScaleIn": True}, ", but scaling in is paused"),
        (1, {"pauseScaleOut": True}, ", but scaling out is paused"),
        (1, {"pauseScaleIn": True}, ""),
        (3, {"pauseScaleIn": True, "pauseScaleOut": False}, ""),
    ],
)
def test_the_reason_says_which_direction_is_paused(asked: int, spec: Manifest, more: str, consumer: Make) -> None:
    live = {"spec": {"replicas": asked}}
    shown = columns(consumer(**spec), live, None, Decision(3, "Auto", "lag 300"), 100, Speed())
    assert shown["reason"] == f"lag 300{more}"


def test_a_shop_hands_them_on(shop: Make) -> None:
    spec = {"minReplicas": 0, "activationLagThreshold": 5, "fallback": FALLBACK, "pauseScaleOut": True}
    (made,) = shop_consumers.consumers(shop(consumers=[{"domain": "purchases", **spec}]))
    assert spec.items() <= made["spec"].items()


def test_the_replay_wakes_nobody_below_the_activation() -> None:
    moments = replay([0.1] * 100, World(partitions=1), Settings(0, 12, 100, activation=20))
    assert {moment.asked for moment in moments} == {0}
    assert max(m.asked for m in replay([0.1] * 100, World(partitions=1), Settings(0, 12, 100))) == 1
