"""What other settings would do: when KEDA acts on a decision, how late events are, and a made-up group."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop_runtime.scaling.autoscaler import Autoscaler, Pace
from shop_runtime.scaling.event_age import Ages
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.replay import Settings, replay
from shop_runtime.scaling.rule import Limits, decide
from shop_runtime.scaling.simulation import Group, World

BURST = [0.0] * 30 + [600.0] * 120 + [0.0] * 300


def looked(*partitions: tuple[int, int | None], start: int = 0) -> Observation:
    return Observation(tuple(Partition(n, start, end, at) for n, (end, at) in enumerate(partitions)), 1)


def test_keda_wakes_at_its_poll_and_the_hpa_follows_at_its_sync() -> None:
    autoscaler, limits = Autoscaler(Pace(5, 60, 15), 0), Limits(0, 12, None, 100)
    asked = [autoscaler.second(now, limits, 6, 600) for now in range(1, 31)]
    assert asked[:4] == [0] * 4 and asked[4:14] == [1] * 10 and asked[14:] == [6] * 16


def test_pods_go_once_the_need_has_been_lower_for_the_cooldown() -> None:
    autoscaler, limits = Autoscaler(Pace(5, 60, 15), 6), Limits(0, 12, None, 100)
    autoscaler.second(15, limits, 6, 600)
    asked = {now: autoscaler.second(now, limits, 0, 0) for now in range(16, 200)}
    assert asked[74] == 6 and asked[90] == 0
    assert min(now for now, count in asked.items() if count == 0) >= 75


def test_a_difference_below_a_tenth_is_left_alone() -> None:
    autoscaler = Autoscaler(Pace(), 20)
    assert autoscaler.second(15, Limits(1, 30, None, 100), 22, 2200) == 20
    assert autoscaler.second(30, Limits(1, 30, None, 100), 23, 2300) == 23


@pytest.mark.parametrize(
    ("world", "pods", "rate"),
    [
        (World(rate=100), 1, 100),
        (World(rate=100), 5, 500),
        (World(rate=100, ceiling=420), 4, 400),
        (World(rate=100, ceiling=420), 12, 420),
        (World(rate=100, ceiling=420, contention=0.05), 7, 420 * 0.9),
        (World(partitions=3, rate=100), 5, 300),
    ],
)
def test_pods_store_what_they_and_the_database_can(world: World, pods: int, rate: float) -> None:
    group = Group(world, pods, lag=100_000)
    for _ in range(10):
        group.second(0, pods)
    assert sum(p.committed or 0 for p in group.seen().partitions) == pytest.approx(10 * rate, abs=world.partitions)


def test_a_pod_takes_time_to_start_and_a_change_of_pods_stops_the_group() -> None:
    group = Group(World(start_seconds=4, rebalance_seconds=2), 1, lag=100_000)
    ready, stored = [], []
    for _ in range(10):
        before = group.seen().committed
        group.second(0, 3)
        ready.append(group.ready)
        stored.append(group.seen().committed > before)
    assert ready == [1] * 4 + [3] * 6
    assert stored == [True] * 4 + [False] * 2 + [True] * 4


def test_no_event_is_lost_and_the_replay_is_the_rules() -> None:
    moments = replay(BURST, World(rate=100), Settings(lag_threshold=100))
    assert moments[-1].lag == 0 and max(moment.asked for moment in moments) == 12
    again = decide(Limits(1, 12, None, 100), looked(*((100, 50),) * 12), keda=True)
    assert again.reason in {moment.reason.replace(str(moment.lag), "600") for moment in moments if moment.lag > 0} | {
        "lag 600 / 100 a pod = 6"
    }


def test_more_pods_make_events_less_late() -> None:
    few, many = (max(m.delay for m in replay(BURST, World(), Settings(1, n, 100))) for n in (3, 12))
    assert many < few / 2


def test_drain_within_asks_for_fewer_pods_where_there_is_more_time() -> None:
    soon, late = (replay(BURST, World(), Settings(drain_within=each)) for each in ("10s", "5m"))
    assert max(m.asked for m in late) < max(m.asked for m in soon)


def test_the_age_of_an_event_is_since_the_log_passed_it() -> None:
    ages = Ages()
    assert ages.observe(0, looked((100, 100))).seconds == 0
    assert ages.observe(10, looked((200, 100))).seconds == 10
    assert ages.observe(20, looked((200, 150))).seconds == pytest.approx(15), "in the middle of the first ten seconds"
    assert ages.observe(30, looked((200, 200))).text == "0s"


def test_an_event_that_was_there_before_the_first_look_is_older_than_that() -> None:
    ages = Ages()
    assert ages.observe(0, looked((200, 100))).text == ">0s"
    assert ages.observe(30, looked((200, 100))).text == ">30s"
    known = ages.observe(40, looked((260, 200)))
    assert not known.at_least and known.seconds == pytest.approx(10)


def test_the_oldest_partition_counts_and_a_topic_made_anew_begins_anew() -> None:
    ages = Ages()
    ages.observe(0, looked((0, 0), (0, 0)))
    ages.observe(10, looked((10, 0), (0, 0)))
    assert ages.observe(20, looked((10, 0), (10, 0))).seconds == 20
    assert ages.observe(30, looked((10, 10), (10, 0))).seconds == 20, (
        "the second partition's event came after second 10"
    )
    assert ages.observe(40, looked((5, 0), (0, 0))).text == ">0s"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=3, max_size=40), st.data())
def test_an_age_is_never_further_off_than_the_looks_are_apart(arrivals: list[int], data: st.DataObject) -> None:
    written, ages, stored = [], Ages(), 0
    ages.observe(0, looked((0, 0)))
    for at, count in enumerate(arrivals, 1):
        written += [at * 5 - 5 + 5 * (each + 1) / count for each in range(count)]
        stored = data.draw(st.integers(stored, len(written)))
        found = ages.observe(at * 5, looked((len(written), stored)))
        true = at * 5 - written[stored] if stored < len(written) else 0.0
        assert not found.at_least and math.isclose(found.seconds, true, abs_tol=5.0)


def test_a_long_history_is_thinned_and_stays_near() -> None:
    ages = Ages()
    for at in range(5000):
        found = ages.observe(at, looked((at * 10, 0)))
    assert found.seconds == pytest.approx(4999, abs=20) and len(ages._looks) <= 512
