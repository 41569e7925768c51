"""Where a group begins, and where it goes on when Kafka has forgotten it. Pure.

Kafka drops the offsets of a group that has had no member for offsets.retention.minutes (7 days). A consumer that sleeps
would then be taken for one that never began, and read everything again. So the last known offsets stand in the status,
with the id of the topic that they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shop_runtime.scaling.group_state import Observation, Partition

BEGIN, RESTORE, GROW = "Begin", "Restore", "Grow"
_NONE = -1


@dataclass(frozen=True)
class Known:
    """The offsets as they were known last, by partition; -1 for none."""

    topic_id: str
    committed: tuple[int, ...]

    def of(self, number: int) -> int | None:
        found = self.committed[number] if number < len(self.committed) else _NONE
        return found if found >= 0 else None


@dataclass(frozen=True)
class Plan:
    """What to commit, by partition, and why: a first start, a group that was forgotten, or partitions that are new."""

    kind: str
    commits: Mapping[int, int]


def known(status: Mapping[str, Any]) -> Known | None:
    """As the status has them; None where the group never committed."""
    if "topicId" not in status or not any(each >= 0 for each in status.get("committed", ())):
        return None
    return Known(status["topicId"], tuple(status["committed"]))


def remembered(seen: Observation, before: Known | None) -> list[int]:
    """What the status keeps: each partition's offset, or the last one known where the group has lost it."""
    same = before if before is not None and before.topic_id == seen.topic_id else None
    return [
        partition.committed if partition.committed is not None else _last(same, partition)
        for partition in seen.partitions
    ]


def plan(seen: Observation, before: Known | None, *, latest: bool) -> Plan | None:
    """What the group lacks; None for nothing. `latest` lets a first start begin at the log's end."""
    bare = [partition for partition in seen.partitions if partition.committed is None]
    if not bare:
        return None
    same = before if before is not None and before.topic_id == seen.topic_id else None
    lost = {p.number: _within(p, at) for p in bare if same is not None and (at := same.of(p.number)) is not None}
    if lost:
        return Plan(RESTORE, {p.number: lost.get(p.number, p.start) for p in bare})
    if len(bare) < len(seen.partitions) or before is not None:
        # New partitions, or a topic made anew: whoever reads it has missed nothing of them yet.
        return Plan(GROW, {p.number: p.start for p in bare})
    return Plan(BEGIN, {p.number: p.end if latest else p.start for p in bare})


def _last(same: Known | None, partition: Partition) -> int:
    found = same.of(partition.number) if same is not None else None
    return _NONE if found is None else found


def _within(partition: Partition, offset: int) -> int:
    """Retention may have passed it, and a log may have lost its end."""
    return min(max(offset, partition.start), partition.end)
