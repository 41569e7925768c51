"""A group that slept for long goes on where it stood; one that never began begins."""

from __future__ import annotations

import pytest

from shop_operator.decisions import offsets
from shop_operator.decisions.offsets import BEGIN, GROW, RESTORE, Known, Plan
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.rule import Limits, decide

OLD, NEW = "topic-1", "topic-2"


def seen(*committed: int | None, start: int = 0, end: int = 100, topic: str = OLD, members: int = 0) -> Observation:
    rows = tuple(Partition(number, start, end, at) for number, at in enumerate(committed))
    return Observation(rows, members, topic)


@pytest.mark.parametrize(
    ("group", "before", "latest", "wanted"),
    [
        (seen(None, None), None, False, Plan(BEGIN, {0: 0, 1: 0})),
        (seen(None, None), None, True, Plan(BEGIN, {0: 100, 1: 100})),
        (seen(None, None), Known(OLD, (60, 70)), False, Plan(RESTORE, {0: 60, 1: 70})),
        (seen(None, None), Known(OLD, (60, 70)), True, Plan(RESTORE, {0: 60, 1: 70})),
        (seen(60, None), Known(OLD, (60, 70)), False, Plan(RESTORE, {1: 70})),
        (seen(None, None, start=65), Known(OLD, (60, 70)), False, Plan(RESTORE, {0: 65, 1: 70})),
        (seen(None, None, end=50), Known(OLD, (60, 70)), False, Plan(RESTORE, {0: 50, 1: 50})),
        (seen(60, 70, None), Known(OLD, (60, 70)), True, Plan(GROW, {2: 0})),
        (seen(None, None, None), Known(OLD, (60, 70)), True, Plan(RESTORE, {0: 60, 1: 70, 2: 0})),
        (seen(None, None, topic=NEW), Known(OLD, (60, 70)), True, Plan(GROW, {0: 0, 1: 0})),
        (seen(None, None), Known(OLD, (60, -1)), False, Plan(RESTORE, {0: 60, 1: 0})),
        (seen(60, 70), Known(OLD, (1, 2)), False, None),
    ],
)
def test_what_a_group_lacks(group: Observation, before: Known | None, latest: bool, wanted: Plan | None) -> None:
    assert offsets.plan(group, before, latest=latest) == wanted


def test_the_status_keeps_what_kafka_forgot() -> None:
    before = offsets.known({"topicId": OLD, "committed": [60, 70]})
    assert offsets.remembered(seen(None, 71, None), before) == [60, 71, -1]
    assert offsets.remembered(seen(None, None, topic=NEW), before) == [-1, -1], "another topic's are worth nothing"
    assert offsets.known({"topicId": OLD, "committed": [-1, -1]}) is None, "that group never began"
    assert offsets.known({}) is None


def test_a_group_whose_offsets_are_lost_wakes_nobody() -> None:
    found = decide(Limits(0, 6, None, 10), seen(None, None), keda=True, hold="the offsets are lost")
    assert (found.wanted, found.mode) == (None, "Waiting") and "lost" in found.reason
