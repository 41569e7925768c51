"""What KEDA and its HorizontalPodAutoscaler make of a decision, second by second. Pure; for simulations.

How many pods the lag needs is the rule's; here is only when KEDA acts on it: from 0 and back to it at each poll, above
it at each sync of the HPA, downwards once the need has been lower for the cooldown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shop_runtime.scaling.rule import Limits, tolerated

# Kubernetes' default (horizontal-pod-autoscaler-sync-period).
SYNC_SECONDS = 15


@dataclass(frozen=True)
class Pace:
    """How often is looked, and how long fewer pods must be enough."""

    polling: int = 5
    cooldown: int = 60
    sync: int = SYNC_SECONDS


class Autoscaler:
    """The number of pods that is asked for."""

    def __init__(self, pace: Pace, asked: int) -> None:
        self._pace, self.asked = pace, asked
        self._wanted: deque[tuple[int, int]] = deque()
        self._active = 0

    def second(self, now: int, limits: Limits, wanted: int, lag: int) -> int:
        """One second, in which the rule asks for `wanted` pods."""
        if lag > limits.activation:
            self._active = now
        if now % self._pace.polling == 0:
            self._wake_or_sleep(now, limits, lag)
        if self.asked > 0 and now % self._pace.sync == 0:
            self._sync(now, max(1, wanted), max(1, limits.least), limits.most)
        return self.asked

    def _wake_or_sleep(self, now: int, limits: Limits, lag: int) -> None:
        if self.asked == 0 and (lag > limits.activation or limits.least > 0):
            self.asked = max(1, limits.least)
        elif limits.least == 0 and lag <= limits.activation and now - self._active >= self._pace.cooldown:
            self.asked = 0
            self._wanted.clear()

    def _sync(self, now: int, wanted: int, least: int, most: int) -> None:
        # At the maximum the need is beyond it, and so is the difference that the HPA sees.
        if wanted < most and tolerated(wanted, self.asked):
            wanted = self.asked
        self._wanted.append((now, wanted))
        while now - self._wanted[0][0] > self._pace.cooldown:
            self._wanted.popleft()
        if wanted < self.asked:
            wanted = min(self.asked, max(each for _, each in self._wanted))
        self.asked = min(max(wanted, least), max(most, least))
