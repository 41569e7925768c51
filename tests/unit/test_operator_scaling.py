"""Why n pods, and how a wanted drain time becomes a threshold."""

from __future__ import annotations

import pytest

from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.rule import Limits, decide, seconds, threshold_for
from shop_runtime.scaling.speed import Speed


def seen(*lags: int, committed: int = 1000) -> Observation:
    return Observation(tuple(Partition(n, 0, committed + lag, committed) for n, lag in enumerate(lags)), 1)


@pytest.mark.parametrize(
    ("limits", "lags", "wanted", "reason"),
    [
        (Limits(1, 12, None, 100), [0] * 12, 1, "no lag: minReplicas 1"),
        (Limits(0, 12, None, 100), [0] * 12, 0, "no lag: minReplicas 0"),
        (Limits(0, 12, None, 100), [1] + [0] * 11, 1, "lag 1 / 100 a pod = 1"),
        (Limits(1, 12, None, 100), [40] * 12, 5, "lag 480 / 100 a pod = 5"),
        (Limits(3, 12, None, 100), [10] * 12, 3, "minReplicas 3: lag 120 needs 2"),
        (Limits(1, 4, None, 100), [100] * 12, 4, "maxReplicas 4: lag 1200 would need 12"),
        (Limits(1, 30, None, 10), [100] * 12, 12, "12 partitions: lag 1200 would need 120"),
        (Limits(1, 12, None, 100), [900, 0, 0, 0], 1, "1 of 4 partitions have lag: lag 900 would need 9"),
        (Limits(2, 12, None, 100), [900, 0, 0, 0], 2, "1 of 4 partitions have lag: lag 900 would need 9"),
        (Limits(0, 12, 2, 100), [100] * 12, 2, "pinned at 2 by spec.replicas"),
    ],
)
def test_the_rule_that_decides(limits: Limits, lags: list[int], wanted: int, reason: str) -> None:
    decision = decide(limits, seen(*lags), keda=True)
    assert (decision.wanted, decision.reason) == (wanted, reason)
    assert decision.mode == ("Auto" if limits.pinned is None else "Pinned")


def test_without_keda_or_kafka_nothing_is_guessed() -> None:
    held = decide(Limits(0, 12, None, 100), seen(500), keda=False)
    assert (held.wanted, held.mode) == (1, "Waiting") and "KEDA" in held.reason
    assert decide(Limits(3, 12, None, 100), seen(500), keda=False).wanted == 3
    away = decide(Limits(0, 12, None, 100), None, keda=True, trouble="Kafka is away")
    assert (away.wanted, away.mode) == (None, "Waiting") and away.reason == "Kafka is away: pods stay as they are"


def test_a_pin_wins_over_all() -> None:
    assert decide(Limits(0, 12, 7, 100), None, keda=False).wanted == 7


def test_a_group_that_never_committed_has_the_whole_log_as_lag() -> None:
    assert Observation((Partition(0, 5, 25, None), Partition(1, 0, 10, 10)), 0).lag == 20


@pytest.mark.parametrize(("text", "value"), [("30s", 30), ("5m", 300), ("2h", 7200)])
def test_durations(text: str, value: int) -> None:
    assert seconds(text) == value


def test_a_drain_time_becomes_what_one_pod_does_in_it() -> None:
    assert threshold_for("30s", 250.0, None) == 7500
    assert threshold_for("30s", None, None) == 3000, "until measured, 100 events a second and pod are assumed"
    assert threshold_for("1s", 0.01, None) == 1
    assert threshold_for("30s", 270.0, 7500) == 7500, "a small change does not rebuild KEDA's scaler"
    assert threshold_for("30s", 400.0, 7500) == 12000


def test_speed_is_measured_only_while_a_pod_is_never_out_of_work() -> None:
    speed = Speed()
    speed.observe(0, Observation((Partition(0, 0, 10_000, 0),), 2), 2)
    assert speed.per_pod is None and speed.drain(10_000) == "-"
    speed.observe(10, Observation((Partition(0, 0, 10_000, 4000),), 2), 2)
    assert speed.per_pod == pytest.approx(200) and speed.drain(6000) == "15s"
    speed.observe(20, Observation((Partition(0, 0, 10_000, 10_000),), 2), 2)
    assert speed.per_pod == pytest.approx(200), "the pods had nothing left to do"
    assert speed.drain(0) == "0s"


def test_a_trickle_says_nothing_about_what_a_pod_can_do() -> None:
    speed = Speed(500.0)
    for turn in range(5):
        speed.observe(turn * 5, Observation((Partition(0, 0, turn * 20 + 2, turn * 20),), 1), 1)
    assert speed.per_pod == 500.0


def test_drain_says_stalled_and_growing() -> None:
    stalled, growing = Speed(), Speed()
    for turn in range(3):
        stalled.observe(turn, Observation((Partition(0, 0, 100, 0),), 0), 0)
        growing.observe(turn, Observation((Partition(0, 0, 1000 + 100 * turn, 10 * turn),), 1), 1)
    assert stalled.drain(100) == "stalled" and growing.drain(900) == "growing"


def test_a_topic_made_anew_does_not_give_negative_speed() -> None:
    speed = Speed()
    speed.observe(0, Observation((Partition(0, 0, 1000, 900),), 1), 1)
    speed.observe(5, Observation((Partition(0, 0, 10, 0),), 1), 1)
    assert speed.consumed is None
