"""Deleting waits for nobody; a drain is asked for, bounded, and ends in the deletion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop_operator.controllers import finalizers
from shop_operator.controllers.finalizers import DRAIN, DRAINING, FINALIZER, drain_asked, held, seconds_left
from shop_operator.testing import FakeCluster

Make = Callable[..., dict[str, Any]]
ASKED = datetime(2026, 1, 1, tzinfo=UTC)


def draining(grace: int, since: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    told = {"type": DRAINING, "status": "True", "lastTransitionTime": since}
    return {"spec": {"drainGraceSeconds": grace}, "status": {"conditions": [told]}}


def test_the_grace_counts_from_when_it_was_told() -> None:
    assert seconds_left(draining(30), ASKED + timedelta(seconds=10)) == 20
    assert seconds_left(draining(30), ASKED + timedelta(seconds=31)) == 0
    assert seconds_left({"spec": {"drainGraceSeconds": 30}}, ASKED) == 30, "not begun yet"
    assert seconds_left({"spec": {"drainGraceSeconds": 0}}, ASKED) == 0


@pytest.mark.parametrize(("marks", "asked"), [({DRAIN: "true"}, True), ({DRAIN: "false"}, False), (None, False)])
def test_a_drain_is_asked_for_by_an_annotation(marks: dict[str, str] | None, asked: bool) -> None:
    assert drain_asked({"metadata": {"annotations": marks}}) is asked


def test_nothing_the_operator_makes_is_held(shop: Make, everything: Callable[..., list[dict[str, Any]]]) -> None:
    for entry in everything(shop()):
        assert "finalizers" not in entry["metadata"]


def test_the_finalizer_of_an_older_operator_is_taken_off_and_no_other(consumer: Make) -> None:
    body = consumer()
    body["metadata"]["finalizers"] = ["somebody/else", FINALIZER]
    cluster = FakeCluster(body)
    assert held(body)
    finalizers.release(cluster, body)
    (left,) = cluster.of("ShopConsumer")
    assert left["metadata"]["finalizers"] == ["somebody/else"] and not held(left)
