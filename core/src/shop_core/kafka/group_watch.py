"""The logs of topics and who reads them, asked again and again over one connection: what cm-ops looks at.

It sees no event: to describe topics and groups is all that its user may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition as KafkaTopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError

from shop_core.events.envelope import Domain
from shop_core.kafka.connection import KafkaConnection

ANSWER_MS = 3000


@dataclass(frozen=True)
class Member:
    """One consumer of a group, and the partitions of its topic that it has."""

    name: str
    partitions: frozenset[int]


@dataclass(frozen=True)
class LogState:
    """A domain's topic: its id, where each partition begins and ends, and the members of its group."""

    topic_id: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]
    members: tuple[Member, ...]


class GroupWatch:
    """For one thread. Connects when first asked, and anew after a failure."""

    def __init__(self, kafka: KafkaConnection, domains: Iterable[Domain]) -> None:
        self._kafka = kafka
        self._domains = list(domains)
        self._client: KafkaAdminClient | None = None

    def look(self) -> dict[str, LogState]:
        """Each domain's, by its name; a topic that is not there yet has no partition. `Unavailable` where Kafka does
        not say it."""
        try:
            client = self._client = self._client or self._connect()
            return self._ask(client)
        except KafkaError as error:
            self.close()
            raise self._kafka.unavailable(type(error).__name__) from error

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(KafkaError):
                client.close()

    def _connect(self) -> KafkaAdminClient:
        return KafkaAdminClient(
            client_id="cm-ops",
            bootstrap_timeout_ms=ANSWER_MS,
            request_timeout_ms=ANSWER_MS,
            **self._kafka.options(),
        )

    def _ask(self, client: Any) -> dict[str, LogState]:
        described = {topic["name"]: topic for topic in client.describe_topics([each.topic for each in self._domains])}
        every = [
            KafkaTopicPartition(name, partition["partition_index"])
            for name, topic in described.items()
            for partition in topic["partitions"]
        ]
        starts = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST)) if every else {}
        ends = client.list_partition_offsets(dict.fromkeys(every, OffsetSpec.LATEST)) if every else {}
        members = self._members(client)
        return {
            domain.name: LogState(
                str(described.get(domain.topic, {}).get("topic_id", "")),
                {tp.partition: found.offset for tp, found in starts.items() if tp.topic == domain.topic},
                {tp.partition: found.offset for tp, found in ends.items() if tp.topic == domain.topic},
                members_of(domain.topic, members.get(domain.group, {})),
            )
            for domain in self._domains
        }

    def _members(self, client: Any) -> dict[str, Any]:
        try:
            return dict(client.describe_groups([domain.group for domain in self._domains]))
        except CoordinatorNotAvailableError:  # nobody has ever asked for a group: the broker makes its topic now
            return {}


def members_of(topic: str, group: Mapping[str, Any]) -> tuple[Member, ...]:
    """The members in what an admin client tells of a group; named by where they are, and so much of their id as tells
    them apart."""
    found = []
    for member in group.get("members") or ():
        # Undecoded bytes while the group has no assignment.
        assignment = member["member_assignment"]
        assigned = assignment["assigned_partitions"] if isinstance(assignment, dict) else ()
        partitions = [number for each in assigned if each["topic"] == topic for number in each["partitions"]]
        name = f"{str(member['client_host']).lstrip('/')} {str(member['member_id'])[-4:]}"
        found.append(Member(name, frozenset(partitions)))
    return tuple(sorted(found, key=lambda each: sorted(each.partitions)))
