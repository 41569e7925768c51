"""Partitions that can't be read on: told by a metric, a log event and the position's document, until the cause is gone.

Only a batch that can't be fetched or decoded at all (an unknown codec, a broken checksum) makes one. It holds its own
partition and no other. It ends by itself, or when a person lets the group go past it (`shopctl skip`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from shop_core.events.envelope import Domain, TopicPartition
from shop_core.kafka.fetching import Unreadable
from shop_core.mongo.positions import Position, Positions, Standstill
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
ASK_SECONDS = 5.0


class BlockedPartitions:
    """Those of one group member."""

    def __init__(self, domain: Domain, positions: Positions) -> None:
        self._domain = domain
        self._positions = positions
        self._now: dict[TopicPartition, Standstill] = {}
        self._asked = 0.0

    @property
    def described(self) -> str | None:
        """What stands still and why, None where nothing does; may be asked by another thread."""
        now = list(self._now.values())
        return "; ".join(f"{s.topic}-{s.partition} from offset {s.offset}: {s.reason}" for s in now) or None

    def look(
        self, unreadable: Mapping[TopicPartition, Unreadable], at: Mapping[TopicPartition, Position]
    ) -> set[TopicPartition]:
        """Tell what began and what ended; the partitions whose stored position is another one by now."""
        found = {tp: as_standstill(fault) for tp, fault in unreadable.items()}
        for tp, standstill in list(self._now.items()):
            if tp not in found or found[tp].offset != standstill.offset:
                self._end(tp)
        for tp in found.keys() - self._now.keys():
            self._begin(tp, found[tp])
        return self._moved(at)

    def _moved(self, at: Mapping[TopicPartition, Position]) -> set[TopicPartition]:
        """Those that a person let go past it, asked for now and then; what was skipped once is skipped again."""
        if not self._now or time.monotonic() - self._asked < ASK_SECONDS:
            return set()
        self._asked = time.monotonic()
        stored = self._positions.stored(self._domain.topic)
        moved = set()
        for tp, standstill in self._now.items():
            there = stored.get(tp[1])
            known = [skip for skip in there.skipped if skip.holds(standstill.offset)] if there else []
            if there and known and there.offset == standstill.offset:
                self._positions.skip(standstill, known[-1].end)
                moved.add(tp)
            elif there and tp in at and there.offset != at[tp].offset:
                moved.add(tp)
        return moved

    def _begin(self, tp: TopicPartition, standstill: Standstill) -> None:
        log.error("partition_unreadable", extra={"topic": tp[0], "partition": tp[1],
                                                 "offset": standstill.offset, "error": standstill.reason})  # fmt: skip
        metrics.UNREADABLE.labels(tp[0], str(tp[1])).set(1)
        self._positions.stand_still(standstill)
        self._now[tp] = standstill

    def _end(self, tp: TopicPartition) -> None:
        log.info("partition_readable", extra={"topic": tp[0], "partition": tp[1]})
        metrics.UNREADABLE.labels(tp[0], str(tp[1])).set(0)
        self._positions.go_on(self._now.pop(tp))


def as_standstill(fault: Unreadable) -> Standstill:
    return Standstill(fault.topic, fault.partition, fault.offset, fault.end, fault.reason)
