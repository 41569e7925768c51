"""Finds the number of pods beyond which the database takes no more, and holds it. Pure.

The pods of a group are bound either by themselves, so that more of them store more, or by what they share: then each
one more slows the others. What is measured is only what the group commits, while each partition has lag. A third of the
pods is tried for a moment; whether they store less tells which of the two it is, and how much one pod stores alone. The
held number is tried one higher from time to time, each time after twice as long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import Cap

# After a change of pods the group is handed its partitions anew; then so long is measured.
SETTLE_SECONDS, WINDOW_SECONDS = 10.0, 10.0
# Few events are measured for longer, since offsets go by steps.
_FEW_EACH, LONG_SECONDS = 40, 60.0
FIRST_WAIT, LONGEST_WAIT = 120.0, 3600.0
# What will be gone by itself so soon is not worth a trial.
_WORTH_SECONDS = 30.0
# A search that the lag has left is given up.
_ABANDON_SECONDS = 60.0
_NOISE = 0.05
_SLOWER = 0.7
FREE, SEARCH, HOLD, PROBE = "free", "search", "hold", "probe"


class Throughput:
    """Events a second that a steady number of pods stores, none of them ever out of work."""

    def __init__(self) -> None:
        self._pods, self._from = -1, 0.0
        self._begun: tuple[float, int] | None = None
        self.starved = 0.0  # since when some partition had no lag; 0 while each has

    def observe(self, now: float, seen: Observation, pods: int) -> float | None:
        """One look; a measurement where a window has just ended."""
        if pods != self._pods:
            self._pods, self._from, self._begun = pods, now + SETTLE_SECONDS, None
        busy = all(partition.lag > 0 for partition in seen.partitions)
        self.starved = 0.0 if busy else self.starved or now
        if not busy or pods == 0 or now < self._from or (self._begun and seen.committed < self._begun[1]):
            self._begun = None
            return None
        if self._begun is None:
            self._begun = now, seen.committed
            return None
        since, committed = self._begun
        stored = seen.committed - committed
        if now - since < WINDOW_SECONDS or (stored < _FEW_EACH * len(seen.partitions) and now - since < LONG_SECONDS):
            return None
        self._begun = now, seen.committed
        return stored / (now - since)


@dataclass
class Guard:
    """The cap on a group's pods, from one look to the next. All of it can be lost."""

    phase: str = FREE
    pods: int | None = None  # the cap
    rate: float | None = None  # what one pod stores where nothing else bounds it, and of how many that is known
    rated: int = 0
    plateau: float = 0.0  # what the group stores at best
    top: int = 0  # the fewest pods that are known to store no more than fewer do
    first: int = 0  # the pods that a search began with
    good: int = 0  # the last number that held
    aimed: bool = False  # the number that is tried follows from what a pod stores; else it is a guess
    gains: int = 0  # trials in a row that stored more
    wait: float = FIRST_WAIT
    due: float = 0.0
    slow: bool = False
    throughput: Throughput = field(default_factory=Throughput)

    def observe(self, now: float, seen: Observation, pods: int, least: int, most: int) -> None:
        """One look at the group, of which `pods` are ready, and `least` to `most` allowed."""
        measured = self.throughput.observe(now, seen, pods)
        if self.phase == SEARCH and self.throughput.starved and now - self.throughput.starved > _ABANDON_SECONDS:
            self._release(now)
        if self.pods is not None and self.pods >= most and self.phase != PROBE:
            self._release(now)
        if measured is None or measured <= 0:
            return
        worth = seen.lag > _WORTH_SECONDS * measured
        if self.phase == FREE:
            self._free(now, pods, measured, max(1, least), worth)
        elif pods == self.pods:
            step = {SEARCH: self._search, HOLD: self._hold, PROBE: self._probe}[self.phase]
            step(now, pods, measured, max(1, least), most, worth)

    @property
    def cap(self) -> Cap | None:
        """What the rule is told."""
        if self.pods is None:
            return None
        if self.phase == SEARCH:
            why = f"database-bound? trying whether {self.pods} pods store as much as {self.top} did"
            return Cap(self.pods, why, found=False)
        bound = f"database-bound: {self.top} pods store no more than {self.good} did"
        return Cap(self.pods, bound)

    def _free(self, now: float, pods: int, measured: float, least: int, worth: bool) -> None:
        each = measured / pods
        fewer = self.rate is not None and self.rated < pods
        needed = max(least, math.ceil(measured / self.rate - 0.3)) if fewer and self.rate else max(least, pods // 3)
        if not fewer and (self.rate is None or each > self.rate or pods < self.rated):
            self.rate, self.rated = each, pods
        if worth and now >= self.due and needed <= pods - 2:
            self.phase, self.pods, self.aimed = SEARCH, needed, fewer
            self.plateau, self.top, self.first = measured, pods, pods

    def _search(self, now: float, pods: int, measured: float, least: int, most: int, worth: bool) -> None:
        # Half a pod's worth less, or what is more than noise.
        if measured < self.plateau * (1 - max(_NOISE, min(0.25, 0.5 / pods))):
            self.rate, self.rated, self.aimed = measured / pods, pods, True
            target = max(pods + 1, math.ceil(self.plateau / self.rate - 0.15))
            if self.top == self.first and target >= self.first:
                self._release(now)
            else:
                self.pods = min(target, self.top)
                if self.pods == self.top:
                    self._settle(now, self.pods)
            return
        self.plateau = max(self.plateau, measured)
        if self.aimed or pods <= least:
            self._settle(now, pods)
        else:
            self.top, self.pods = pods, max(least, pods // 3)

    def _settle(self, now: float, pods: int) -> None:
        """The number is found."""
        self.phase, self.pods, self.good, self.gains = HOLD, pods, pods, 0
        self.top = max(self.first, pods + 1)
        self.wait, self.due, self.slow = FIRST_WAIT, now + FIRST_WAIT, False

    def _release(self, now: float) -> None:
        """More pods store more, or nobody wants more: no cap. The next search comes later each time."""
        self.phase, self.pods = FREE, None
        self.due, self.wait = now + self.wait, min(2 * self.wait, LONGEST_WAIT)

    def _hold(self, now: float, pods: int, measured: float, least: int, most: int, worth: bool) -> None:
        if measured < _SLOWER * self.plateau:
            if self.slow and worth:
                self._slower(now, pods, measured, least)
            self.slow = True
            return
        self.slow = False
        self.plateau += 0.3 * (measured - self.plateau)
        if worth and now >= self.due:
            self.phase, self.pods = PROBE, min(most, pods + 1)

    def _slower(self, now: float, pods: int, measured: float, least: int) -> None:
        """Database or pods are slower than they were: what was known of them holds no more."""
        self.plateau, self.rate = measured, None
        if pods // 3 >= least:
            self.phase, self.pods, self.aimed = SEARCH, pods // 3, False
            self.top = self.first = pods

    def _probe(self, now: float, pods: int, measured: float, least: int, most: int, worth: bool) -> None:
        if measured < self.plateau * (1 + max(_NOISE, 0.5 * (pods - self.good) / self.good)):
            self.phase, self.pods, self.gains, self.top = HOLD, self.good, 0, pods
            self.wait = min(2 * self.wait, LONGEST_WAIT)
            self.due = now + self.wait
            return
        self.good, self.plateau, self.wait = pods, measured, FIRST_WAIT
        if pods >= most:
            self._release(now)
            return
        self.gains += 1
        self.pods = min(most, pods + 2 ** (self.gains // 2))
