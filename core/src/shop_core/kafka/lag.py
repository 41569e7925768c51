"""How far a consumer group is behind its topic, as the broker sees it: what `shopctl status` shows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError

from shop_core.errors import Unavailable
from shop_core.events.envelope import Domain
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topics import admin


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the group's committed offset (none yet: null), the log's end, and what lies between."""

    partition: int
    committed: int | None
    end: int
    lag: int


@dataclass(frozen=True)
class GroupLag:
    """One consumer group on its topic."""

    group: str
    topic: str
    members: int
    partitions: tuple[PartitionLag, ...]

    @property
    def lag(self) -> int:
        return sum(partition.lag for partition in self.partitions)


def group_lags(kafka: KafkaConnection, domains: Iterable[Domain], timeout: float = 5.0) -> list[GroupLag]:
    """The lag of each domain's group; `Unavailable` when the broker does not answer in about `timeout` seconds."""
    wanted = list(domains)
    deadline = time.monotonic() + timeout
    while True:
        try:
            with admin(kafka, int(timeout * 1000)) as client:
                return [_lag_of(client, domain) for domain in wanted]
        except Unavailable as outage:
            # The first question about a group makes the broker create the topic that it keeps offsets in.
            if not isinstance(outage.__cause__, CoordinatorNotAvailableError) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _lag_of(client: Any, domain: Domain) -> GroupLag:
    numbers = sorted(
        partition["partition_index"]
        for topic in client.describe_topics([domain.topic])
        for partition in topic["partitions"]
    )
    every = [TopicPartition(domain.topic, number) for number in numbers]
    committed = client.list_group_offsets({domain.group: every})[domain.group] if every else {}
    starts = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST)) if every else {}
    ends = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.LATEST)) if every else {}
    members = client.describe_groups([domain.group]).get(domain.group, {}).get("members") or ()
    partitions = []
    for tp in every:
        # -1 is the broker's word for "never committed": everything that is kept is still to be read.
        known = committed[tp].offset if tp in committed and committed[tp].offset >= 0 else None
        position = starts[tp].offset if known is None else known
        end = ends[tp].offset
        partitions.append(PartitionLag(tp.partition, known, end, max(0, end - position)))
    return GroupLag(domain.group, domain.topic, len(members), tuple(partitions))
