"""The database guard: near the best number of pods within three minutes, in drawn worlds, and then it stays there."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop_runtime.scaling.database_guard import FIRST_WAIT, Guard
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.replay import Settings, replay
from shop_runtime.scaling.rule import Limits, decide
from shop_runtime.scaling.simulation import World

# A thousand in `make test-long`.
WORLDS = int(os.environ.get("SCALING_WORLDS", "12"))
FOUND, UNTIL = 180, 480


@st.composite
def worlds(draw: st.DrawFn) -> World:
    partitions, rate = draw(st.integers(2, 16)), draw(st.floats(200, 2000))
    return World(
        partitions=partitions,
        rate=rate,
        ceiling=rate * draw(st.floats(0.3, 1.5 * partitions)),
        contention=draw(st.floats(0, 0.03)),
        start_seconds=draw(st.integers(1, 8)),
        rebalance_seconds=draw(st.integers(0, 4)),
    )


def best(world: World) -> int:
    """The fewest pods that store what any number does, but for a twentieth."""
    stored = {pods: world.stored(pods) for pods in range(1, world.partitions + 1)}
    return min(pods for pods, rate in stored.items() if rate >= 0.95 * max(stored.values()))


@settings(max_examples=WORLDS, deadline=None)
@given(worlds(), st.integers(0, 1), st.integers(0, 2**32))
def test_it_is_near_the_best_within_three_minutes_and_does_not_oscillate(world: World, least: int, seed: int) -> None:
    chance = random.Random(seed)
    asked = Settings(least, world.partitions, 100, database_guard=True)
    most = world.partitions * world.rate
    moments = replay([1.2 * most] * UNTIL, world, asked, 2000 * most, lambda: chance.uniform(0.85, 1.0))
    pods = [moment.asked for moment in moments[FOUND:]]
    off = [abs(count - best(world)) for count in pods]
    # Once or twice one pod more is tried for half a minute.
    assert sum(each <= 1 for each in off) >= 0.75 * len(off) and max(off) <= 2, (world, least, seed, pods)
    assert sum(before != after for before, after in pairwise(pods)) <= 4, pods


class Bound:
    """A group that always has lag, whose pods are the guard's as soon as it says so."""

    def __init__(self, stored: Callable[[int], float], most: int = 12, least: int = 1) -> None:
        self.guard, self.stored, self.most, self.least = Guard(), stored, most, least
        self.now, self.committed, self.lag, self.pods = 0.0, 0.0, 10**7, most
        self.seen: list[int] = []

    def run(self, seconds: float) -> int:
        """So many seconds; the pods at their end."""
        for _ in range(int(seconds // 5)):
            self.now += 5
            self.committed += 5 * self.stored(self.pods)
            at = int(self.committed)
            group = Observation((Partition(0, 0, at + self.lag, at),), self.pods)
            self.guard.observe(self.now, group, self.pods, self.least, self.most)
            cap = self.guard.cap
            self.pods = self.most if cap is None else cap.pods
            self.seen.append(self.pods)
        return self.pods


def test_the_reason_says_what_was_found() -> None:
    group = Bound(lambda pods: min(pods * 100, 400))
    group.run(180)
    cap = group.guard.cap
    assert cap and (cap.pods, cap.why) == (4, "database-bound: 12 pods store no more than 4 did")
    seen = Observation(tuple(Partition(n, 0, 1000, 0) for n in range(12)), 4)
    decision = decide(Limits(1, 12, None, 100, cap=cap), seen, keda=True)
    assert decision.wanted == 4
    assert decision.reason == "database-bound: 12 pods store no more than 4 did: lag 12000 would need 120"


def test_one_pod_more_is_tried_later_each_time() -> None:
    group = Bound(lambda pods: min(pods * 100, 400))
    group.run(120)
    group.run(16 * 60 * 4)
    tried = [at for at, (before, after) in enumerate(pairwise(group.seen)) if after > before == 4]
    gaps = [after - before for before, after in pairwise(tried)]
    assert set(group.seen[60:]) == {4, 5} and len(gaps) >= 3
    assert all(later > 1.7 * sooner for sooner, later in pairwise(gaps)), gaps


def test_a_database_that_became_faster_gets_more_pods() -> None:
    ceiling = 300.0
    group = Bound(lambda pods: min(pods * 100, ceiling))
    assert group.run(180) == 3
    ceiling = 800.0
    group.run(FIRST_WAIT * 2 + 180)
    assert group.guard.good in (8, 9)


def test_a_database_that_became_slower_keeps_fewer() -> None:
    ceiling = 900.0
    group = Bound(lambda pods: min(pods * 100, ceiling))
    assert group.run(180) == 9
    ceiling = 300.0
    assert group.run(180) == 3


def test_pods_that_became_slower_themselves_are_not_capped_for_long() -> None:
    rate = 100.0
    group = Bound(lambda pods: pods * rate)
    assert group.run(180) == 12
    rate = 50.0
    group.run(180)
    assert group.guard.cap is None and set(group.seen[-12:]) == {12}


def test_who_is_not_bound_is_tried_once_and_then_left_alone() -> None:
    group = Bound(lambda pods: pods * 100)
    group.run(3600)
    assert group.pods == 12
    assert sum(before != after for before, after in pairwise(group.seen)) == 2


@pytest.mark.parametrize(("lag", "pods"), [(0, 12), (5000, 12)])
def test_what_is_gone_soon_is_not_worth_a_trial(lag: int, pods: int) -> None:
    group = Bound(lambda pods: min(pods * 100, 400))
    group.lag = lag
    assert group.run(600) == pods and group.guard.cap is None


def test_a_search_that_the_lag_has_left_is_given_up() -> None:
    group = Bound(lambda pods: min(pods * 100, 400))
    group.run(25)
    assert group.guard.cap and "trying whether 4 pods store as much as 12 did" in group.guard.cap.why
    group.lag = 0
    group.run(90)
    assert group.guard.cap is None


def test_it_stays_above_the_minimum() -> None:
    group = Bound(lambda pods: min(pods * 100, 200), least=5)
    assert group.run(600) in (5, 6)
    assert min(group.seen) == 5


def test_a_partition_without_lag_says_nothing_about_the_database() -> None:
    guard = Guard()
    for look in range(100):
        idle = tuple(Partition(n, 0, 10**6, look * 500 if n == 0 else 10**6) for n in range(12))
        guard.observe(look * 5, Observation(idle, 12), 12, 1, 12)
    assert guard.cap is None, "one key gets all: HotPartition says so"
