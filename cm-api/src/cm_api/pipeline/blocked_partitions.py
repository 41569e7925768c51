"""Partitions that can't be read on: told by a metric, a log event and the position's document, until the cause is gone.

Only a batch that can't be fetched or decoded at all (an unknown codec, a broken checksum) makes one. It holds its own
partition and no other. It ends by itself, or when a person lets the group go past it (`shopctl skip`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from shop_core.events.envelope import Domain
from shop_core.kafka.fetching import Unreadable
from shop_core.kafka.group_consumer import Place
from shop_core.mongo.client import Position, Positions, Standstill
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
ASK_SECONDS = 5.0


class BlockedPartitions:
    """Those of one group member."""

    def __init__(self, domain: Domain, positions: Positions) -> None:
        self._domain = domain
        self._positions = positions
        self._now: dict[Place, Standstill] = {}
        self._asked = 0.0

    @property
    def described(self) -> str | None:
        """What stands still and why, None where nothing does; may be asked by another thread."""
        now = list(self._now.values())
        return "; ".join(f"{s.topic}-{s.partition} from offset {s.offset}: {s.reason}" for s in now) or None

    def look(self, unreadable: Mapping[Place, Unreadable], at: Mapping[Place, Position]) -> set[Place]:
        """Tell what began and what ended; the partitions whose stored position is another one by now."""
        found = {place: as_standstill(fault) for place, fault in unreadable.items()}
        for place, standstill in list(self._now.items()):
            if place not in found or found[place].offset != standstill.offset:
                self._end(place)
        for place in found.keys() - self._now.keys():
            self._begin(place, found[place])
        return self._moved(at)

    def _moved(self, at: Mapping[Place, Position]) -> set[Place]:
        """Those that a person let go past it, asked for now and then; what was skipped once is skipped again."""
        if not self._now or time.monotonic() - self._asked < ASK_SECONDS:
            return set()
        self._asked = time.monotonic()
        stored = self._positions.stored(self._domain.topic)
        moved = set()
        for place, standstill in self._now.items():
            there = stored.get(place[1])
            known = [skip for skip in there.skipped if skip.holds(standstill.offset)] if there else []
            if there and known and there.offset == standstill.offset:
                self._positions.skip(standstill, known[-1].end)
                moved.add(place)
            elif there and place in at and there.offset != at[place].offset:
                moved.add(place)
        return moved

    def _begin(self, place: Place, standstill: Standstill) -> None:
        log.error("partition_unreadable", extra={"topic": place[0], "partition": place[1],
                                                 "offset": standstill.offset, "error": standstill.reason})  # fmt: skip
        metrics.UNREADABLE.labels(place[0], str(place[1])).set(1)
        self._positions.stand_still(standstill)
        self._now[place] = standstill

    def _end(self, place: Place) -> None:
        log.info("partition_readable", extra={"topic": place[0], "partition": place[1]})
        metrics.UNREADABLE.labels(place[0], str(place[1])).set(0)
        self._positions.go_on(self._now.pop(place))


def as_standstill(fault: Unreadable) -> Standstill:
    return Standstill(fault.topic, fault.partition, fault.offset, fault.end, fault.reason)
