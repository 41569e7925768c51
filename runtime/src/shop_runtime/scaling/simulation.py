"""A made-up consumer group, to try settings and rules on: partitions, pods, and a database with a ceiling. Pure.

It goes by seconds. Pods take time to start; whenever their number changes, the group pauses; a partition is read by one
pod; all together store no more than the database takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.rule import ASSUMED_RATE

_LEAST = 0.3
Noise = Callable[[], float]


def even() -> float:
    """No noise."""
    return 1.0


@dataclass(frozen=True)
class World:
    """What pods, topic and database are like."""

    partitions: int = 12
    rate: float = ASSUMED_RATE  # events a second that one pod stores where nothing else bounds it
    ceiling: float = math.inf  # events a second that the database takes
    contention: float = 0.0  # the share of it that each pod costs which comes after the ceiling is reached
    start_seconds: int = 4
    rebalance_seconds: int = 2

    def stored(self, pods: int) -> float:
        """Events a second that `pods` store where each has enough to do."""
        return min(pods * self.rate, self.takes(pods))

    def takes(self, pods: int) -> float:
        """Events a second that the database takes from `pods`."""
        if self.ceiling == math.inf:
            return math.inf
        above = max(0, pods - math.ceil(self.ceiling / self.rate))
        return self.ceiling * max(_LEAST, 1 - self.contention * above)


class Group:
    """A consumer group and its topic, one second after the other."""

    def __init__(self, world: World, pods: int, lag: float = 0.0, noise: Noise = even) -> None:
        self.world, self.ready = world, pods
        self._noise = noise
        self._ends = [lag / world.partitions] * world.partitions
        self._stored = [0.0] * world.partitions
        self._starting: list[int] = []
        self._paused = 0

    def second(self, arrived: float, asked: int) -> None:
        """One second, in which `arrived` events come and `asked` pods are asked for."""
        self._ends = [end + arrived / len(self._ends) for end in self._ends]
        self._follow(asked)
        if self._paused > 0:
            self._paused -= 1
        elif self.ready > 0:
            self._store()

    def seen(self) -> Observation:
        """As the operator sees it."""
        known = zip(self._ends, self._stored, strict=True)
        return Observation(tuple(Partition(n, 0, int(end), int(at)) for n, (end, at) in enumerate(known)), self.ready)

    def _follow(self, asked: int) -> None:
        self._starting = [left - 1 for left in self._starting]
        come = sum(1 for left in self._starting if left <= 0)
        self._starting = [left for left in self._starting if left > 0]
        surplus = self.ready + come + len(self._starting) - asked
        self._starting = self._starting[: len(self._starting) - max(0, surplus)]
        left = max(0, self.ready + come - asked)
        self._starting += [self.world.start_seconds] * max(0, -surplus)
        if come != left:
            self._paused = self.world.rebalance_seconds
        self.ready += come - left

    def _store(self) -> None:
        lags = [end - at for end, at in zip(self._ends, self._stored, strict=True)]
        shares = [0.0] * len(lags)
        for pod in range(min(self.ready, len(lags))):
            mine = range(pod, len(lags), self.ready)
            waits = sum(lags[each] for each in mine)
            done = min(waits, self.world.rate) / waits if waits > 0 else 0.0
            for each in mine:
                shares[each] = lags[each] * done
        total = sum(shares)
        bound = min(total, self.world.takes(self.ready)) / total * min(1.0, self._noise()) if total > 0 else 0.0
        self._stored = [at + share * bound for at, share in zip(self._stored, shares, strict=True)]
