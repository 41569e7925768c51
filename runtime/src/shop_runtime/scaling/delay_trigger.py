"""Pods that are asked for because events are late: `maxDelay`. Pure.

It aims at half of `maxDelay`, as new pods need time to start: while the oldest event is older than that, it asks for as
many times more pods as it is too old. What was asked for holds for the cooldown.
"""

from __future__ import annotations

import math
from collections import deque

from shop_runtime.scaling.event_age import Age
from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import Floor, seconds, shown


class DelayTrigger:
    """The least number of pods, from one look to the next."""

    def __init__(self) -> None:
        self._asked: deque[tuple[float, Floor]] = deque()

    def observe(
        self, now: float, seen: Observation, age: Age, max_delay: str, pods: int, cooldown: int
    ) -> Floor | None:
        """One look, at which `pods` are ready; None where nothing is asked for."""
        aim = seconds(max_delay) / 2
        if seen.lag > 0 and age.seconds > aim:
            why = f"delay {age.text} with maxDelay {max_delay}"
            self._asked.append((now, Floor(self._needed(seen, age, aim, pods), why)))
        while self._asked and now - self._asked[0][0] > cooldown:
            self._asked.popleft()
        return max((floor for _, floor in self._asked), key=lambda floor: floor.pods, default=None)

    def _needed(self, seen: Observation, age: Age, aim: float, pods: int) -> int:
        # A partition has one reader: those without lag would get idle ones.
        busy = sum(1 for partition in seen.partitions if partition.lag > 0)
        return min(busy, max(pods + 1, math.ceil(pods * age.seconds / aim)))


def exceeded(age: Age, max_delay: str | None) -> str:
    """What is to be said of an event that is later than it may be, '' where none is."""
    if max_delay is None or age.seconds <= seconds(max_delay):
        return ""
    return f"The oldest event that is not stored is {shown(age.seconds)} old or older, and maxDelay is {max_delay}"
