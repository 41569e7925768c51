"""databaseGuard in the operator: what the guard has found becomes KEDA's maximum and the column REASON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.desired import scaler, shop_consumers
from shop_operator.testing import ConsumerPlace
from shop_runtime.scaling.rule import Cap

Manifest = dict[str, Any]
Make = Callable[..., Manifest]


@pytest.mark.parametrize(("cap", "least", "most"), [(4, 1, 4), (20, 1, 12), (2, 3, 3), (1, 0, 1)])
def test_kedas_maximum_is_the_cap_and_never_below_the_minimum(cap: int, least: int, most: int, consumer: Make) -> None:
    made = scaler.scaled_object(consumer(minReplicas=least), 100, 12, cap=Cap(cap, "bound"))["spec"]
    assert (made["minReplicaCount"], made["maxReplicaCount"]) == (least, most)
    behavior = made["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["policies"][0]["value"] == most


def bound_by_400(place: ConsumerPlace, looks: int) -> Manifest:
    """The status after so many looks at a group that stores 100 events a second and pod, but 400 at most."""
    status: Manifest = {}
    stored = 12_000
    for look in range(looks):
        status = place.look(1_212_000 - stored, at=look * 5.0, committed=stored)
        pods = place.the("ScaledObject")["spec"]["maxReplicaCount"]
        place.runs(pods)
        stored += 5 * min(400, 100 * pods)
    return status


def test_the_pods_stop_where_more_of_them_store_no_more(consumer: Make) -> None:
    place = ConsumerPlace(consumer(databaseGuard=True))
    status = bound_by_400(place, 40)
    assert place.the("ScaledObject")["spec"]["maxReplicaCount"] == 4
    assert (status["needed"], status["mode"]) == (4, "Auto")
    assert status["reason"].startswith("database-bound: 12 pods store no more than 4 did: lag 11")
    assert int(status["drain"].removesuffix("m")) == pytest.approx(status["lag"] / 400 / 60, rel=0.1), "honest"
    (told,) = place.told("DatabaseBound")
    assert "give it more CPU" in told


@pytest.mark.parametrize(
    "spec", [{}, {"databaseGuard": True, "replicas": 12}, {"databaseGuard": True, "mode": "DryRun"}]
)
def test_without_the_guard_a_pin_or_in_a_dry_run_nothing_is_tried(spec: Manifest, consumer: Make) -> None:
    place = ConsumerPlace(consumer(**spec))
    status = bound_by_400(place, 40)
    assert place.the("ScaledObject")["spec"]["maxReplicaCount"] == 12
    assert {c["type"]: c["status"] for c in status["conditions"]}["DatabaseBound"] == "False"


def test_it_is_off_unless_asked_for_and_a_shop_hands_it_on(consumer: Make, shop: Make) -> None:
    assert consumer()["spec"]["databaseGuard"] is False
    (made,) = shop_consumers.consumers(shop(consumers=[{"domain": "purchases", "databaseGuard": True}]))
    assert made["spec"]["databaseGuard"] is True
