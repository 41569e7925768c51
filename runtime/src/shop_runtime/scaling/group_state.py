"""What one look at a topic and its consumer group shows. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Partition:
    """One partition: where the log begins and ends, and what the group has committed (None: nothing yet)."""

    number: int
    start: int
    end: int
    committed: int | None

    @property
    def position(self) -> int:
        return self.start if self.committed is None else self.committed

    @property
    def lag(self) -> int:
        return max(0, self.end - self.position)


@dataclass(frozen=True)
class Observation:
    """A group on its topic at one moment; `hosts` are the addresses that its members come from."""

    partitions: tuple[Partition, ...]
    members: int
    topic_id: str = ""
    cluster_id: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def lag(self) -> int:
        return sum(partition.lag for partition in self.partitions)

    @property
    def committed(self) -> int:
        return sum(partition.committed or 0 for partition in self.partitions)

    @property
    def end(self) -> int:
        return sum(partition.end for partition in self.partitions)
