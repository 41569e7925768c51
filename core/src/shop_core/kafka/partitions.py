"""Which partition a key chooses: the same for every producer of ours, and for Java's."""

from __future__ import annotations

from kafka.partitioner.default import murmur2


def partition_of(key: str, partitions: int) -> int:
    """The partition that `key` has in a topic of so many."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions
