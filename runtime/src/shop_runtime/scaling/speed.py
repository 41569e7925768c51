"""How fast a group consumes, measured by what it commits between two looks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import shown

_SMOOTH = 0.3


@dataclass(frozen=True)
class _Look:
    at: float
    committed: int
    end: int
    lag: int
    pods: int


class Speed:
    """Measures how fast a group consumes: in all, and each pod while it had more than enough to do."""

    def __init__(self, rate_per_pod: float | None = None) -> None:
        self.per_pod = rate_per_pod
        self.consumed: float | None = None
        self.produced: float | None = None
        self._last: _Look | None = None

    def observe(self, now: float, seen: Observation, pods: int) -> None:
        """One look at the group; `pods` is how many are ready."""
        look = _Look(now, seen.committed, seen.end, seen.lag, pods)
        last, self._last = self._last, look
        if last is None or now <= last.at or look.committed < last.committed or look.end < last.end:
            return
        consumed, span = look.committed - last.committed, now - last.at
        self.consumed = _smooth(self.consumed, consumed / span)
        self.produced = _smooth(self.produced, (look.end - last.end) / span)
        # Only a pod that never ran out of work shows what it can do.
        if consumed > 0 and last.lag >= consumed and look.lag > 0 and last.pods == pods > 0:
            self.per_pod = _smooth(self.per_pod, consumed / span / pods)

    def drain(self, lag: int) -> str:
        """The column DRAIN: when the lag will be gone at the speed measured now."""
        if lag == 0:
            return "0s"
        if self.consumed is None or self.produced is None:
            return "-"
        if self.consumed < 0.01:
            return "stalled"
        net = self.consumed - self.produced
        return "growing" if net <= 0 else shown(lag / net)


def _smooth(old: float | None, new: float) -> float:
    return new if old is None else old + _SMOOTH * (new - old)
