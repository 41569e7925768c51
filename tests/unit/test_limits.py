"""The sliding window: never more than the limit in any window, room again after it; settings in words."""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterator

import pytest

from cm_server.rate_limit.limiter import Limiter, Quota, WorkerStore
from cm_server.rate_limit.settings import Limit, limits, parse
from shop_core.errors import Unavailable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.security(22)
@pytest.mark.parametrize("seed", range(20))
def test_no_window_ever_has_more_than_the_limit(seed: int) -> None:
    """Requests at random moments, in bursts and lulls; every window of the admitted ones is counted."""
    chance, clock, limit = random.Random(seed), Clock(), Limit(50, 10)
    store, admitted = WorkerStore(clock), []
    for _ in range(3000):
        clock.now += chance.choice((0.0, 0.0, 0.01, 0.2, 3.0)) * chance.random()
        if store.acquire("a", limit).left >= 0:
            admitted.append(clock.now)
    for first, start in enumerate(admitted):
        assert bisect.bisect_left(admitted, start + limit.seconds) - first <= limit.count
    assert len(admitted) > limit.count, "room comes back"


def test_keys_are_apart_and_what_is_left_is_told() -> None:
    store, limit = WorkerStore(Clock()), Limit(3, 10)
    assert [store.acquire("a", limit).left for _ in range(4)] == [2, 1, 0, -1]
    assert store.acquire("b", limit).left == 2


def test_after_the_told_seconds_there_is_room() -> None:
    clock = Clock()
    store, limit = WorkerStore(clock), Limit(2, 10)
    store.acquire("a", limit)
    store.acquire("a", limit)
    clock.now += store.acquire("a", limit).reset
    assert store.acquire("a", limit).left >= 0


class Flaky:
    """A shared store that answers or doesn't."""

    def __init__(self, answers: Iterator[bool]) -> None:
        self.answers = answers
        self.asked = 0

    def acquire(self, key: str, limit: Limit) -> Quota:
        self.asked += 1
        if not next(self.answers):
            raise Unavailable("away")
        return Quota(limit, 7, 1.0)


def test_a_store_that_is_away_is_left_alone_for_a_while_and_requests_go_on() -> None:
    store = Flaky(iter([True, False]))
    limiter = Limiter({"": Limit(5, 60)}, store)
    lefts = [taken.left for taken in (limiter.acquire("me", "GET /x") for _ in range(4)) if taken]
    # The first, which the store admitted, counts on.
    assert lefts == [7, 3, 2, 1] and store.asked == 2


def test_limits_in_words() -> None:
    assert parse("600/60, POST /buy=5/10") == {"": Limit(600, 60), "POST /buy": Limit(5, 10)}
    assert Limiter(parse("POST /buy=5/10"), None).acquire("me", "GET /x") is None
    for bad in ("x", "5", "5/0", "0/5", "post /buy=5/5", "5/5;6/6"):
        with pytest.raises(ValueError, match="must be like"):
            limits(bad)
