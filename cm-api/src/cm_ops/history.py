"""What cm-ops remembers: a quarter of an hour for the plots, and some seconds to tell rates from. Of totals, so that
nothing falls between two samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop_core.events.instants import format_instant
from shop_core.responses.operations import OpsHistory, Rates, Sample

RATE_SECONDS = 10.0
STEP_SECONDS = 5
KEPT = 15 * 60 // STEP_SECONDS


@dataclass(frozen=True)
class Totals:
    """A domain at one moment."""

    accepted: int
    applied: int
    waiting: int


@dataclass(frozen=True)
class _Look:
    at: datetime
    domains: Mapping[str, Totals]


class History:
    """Of one process; for one thread that adds. Nothing of what is read is ever changed."""

    def __init__(self) -> None:
        self._lately: deque[_Look] = deque()
        self._kept: deque[_Look] = deque(maxlen=KEPT)

    def add(self, at: datetime, domains: Mapping[str, Totals]) -> None:
        look = _Look(at, domains)
        self._lately.append(look)
        # The first one that is kept is the last that is old enough, so the span is never shorter than it could be.
        while len(self._lately) > 2 and (at - self._lately[1].at).total_seconds() >= RATE_SECONDS:
            self._lately.popleft()
        if not self._kept or (at - self._kept[-1].at).total_seconds() >= STEP_SECONDS - 0.5:
            self._kept.append(look)

    def rates(self, name: str) -> Rates | None:
        """None until there are two looks; nor where a topic was made anew between them."""
        if len(self._lately) < 2:
            return None
        first, last = self._lately[0], self._lately[-1]
        seconds = (last.at - first.at).total_seconds()
        before, now = first.domains.get(name), last.domains.get(name)
        if seconds <= 0 or before is None or now is None or now.accepted < before.accepted:
            return None
        came, done = (now.accepted - before.accepted) / seconds, (now.applied - before.applied) / seconds
        return Rates(round(came, 1), round(max(0.0, done), 1), _drains_in(now.waiting, done - came))

    def told(self) -> OpsHistory:
        found: dict[str, list[Sample]] = {}
        for look in list(self._kept):
            for name, each in look.domains.items():
                sample = Sample(format_instant(look.at), each.accepted, each.applied, each.waiting)
                found.setdefault(name, []).append(sample)
        return OpsHistory(STEP_SECONDS, found)


def _drains_in(waiting: int, faster: float) -> float | None:
    if waiting == 0:
        return 0.0
    return round(waiting / faster, 1) if faster > 0 else None
