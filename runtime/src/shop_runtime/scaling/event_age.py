"""How old the oldest event is that a group has not stored, from the log ends that were seen before. Pure.

An event that stands at offset n was written when the end of its partition passed n. So nothing of Kafka is read but
what is seen anyway: where the log ends, and what is committed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import shown

# More looks than these are thinned: the older, the coarser, as it matters less for an old event.
_MOST = 512


@dataclass(frozen=True)
class Age:
    """Seconds; `at_least` where the event was there before the first look."""

    seconds: float
    at_least: bool = False

    @property
    def text(self) -> str:
        """The column DELAY."""
        return f"{'>' if self.at_least else ''}{shown(self.seconds)}"


@dataclass(frozen=True)
class _Look:
    at: float
    ends: tuple[int, ...]


class Ages:
    """Remembers the looks that an unstored event may be older than."""

    def __init__(self) -> None:
        self._looks: list[_Look] = []

    def observe(self, now: float, seen: Observation) -> Age:
        """One look at the group; the age of its oldest event that is not stored."""
        look = _Look(now, tuple(partition.end for partition in seen.partitions))
        if self._looks and not _follows(self._looks[-1], look):
            self._looks.clear()
        if self._looks and now <= self._looks[-1].at:
            self._looks.pop()
        self._looks.append(look)
        late = [(index, p.position) for index, p in enumerate(seen.partitions) if p.lag > 0]
        before = [self._last_before(index, position) for index, position in late]
        written = [self._written(index, position, at) for (index, position), at in zip(late, before, strict=True)]
        self._forget(min(before, default=len(self._looks) - 1))
        oldest = min(written, default=now)
        return Age(now - oldest if oldest > -math.inf else now - self._looks[0].at, at_least=oldest == -math.inf)

    def _last_before(self, index: int, position: int) -> int:
        """The last look at which the event was not there; -1 where it always was."""
        return bisect_right(self._looks, position, key=lambda look: look.ends[index]) - 1

    def _written(self, index: int, position: int, before: int) -> float:
        """When the log's end passed `position`; -inf where it did before the first look."""
        if before < 0:
            return -math.inf
        last, after = self._looks[before], self._looks[before + 1]
        share = (position - last.ends[index]) / (after.ends[index] - last.ends[index])
        return last.at + share * (after.at - last.at)

    def _forget(self, needed: int) -> None:
        del self._looks[: max(0, needed)]
        if len(self._looks) > _MOST:
            del self._looks[1 : _MOST // 2 : 2]


def _follows(last: _Look, look: _Look) -> bool:
    """The same topic, not one made anew or with more partitions."""
    same = len(last.ends) == len(look.ends)
    return same and all(old <= new for old, new in zip(last.ends, look.ends, strict=True))
