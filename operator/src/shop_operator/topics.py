"""The only room that talks to Kafka: topics and dead-letter topics, a group's first offsets, and its lag."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from shop_operator.observation import Observation, Partition

# A dead letter is an event of the broker's full size with its headers.
_DLQ_CONFIG = {"max.message.bytes": str(2 * 1024 * 1024), "retention.ms": "-1"}
_MECHANISMS = {"plaintext": "PLAIN", "scram_sha256": "SCRAM-SHA-256", "scram_sha512": "SCRAM-SHA-512"}
_BOOTSTRAP_MS = 4000
_COORDINATOR_SECONDS = 5.0


class KafkaAway(Exception):
    """Kafka does not answer, or refuses; the message says which."""


@dataclass(frozen=True)
class Layout:
    """How a missing topic is made; `configs` are the topic's own, not those of what belongs to it."""

    partitions: int
    replication: int
    min_insync: int
    configs: Mapping[str, str] = field(default_factory=dict)


class Kafka:
    """One Kafka, with a connection that is kept while it works. Safe to use from several threads, one at a time."""

    def __init__(self, bootstrap: str, login: Mapping[str, str]) -> None:
        self._bootstrap = bootstrap
        self._login = login
        self._lock = threading.Lock()
        self._client: Any = None

    def ensure(self, topic: str, layout: Layout, *, dead_letters: bool, derived: Iterable[str] = ()) -> list[str]:
        """Make the topic, those `derived` from it and its DLQ where they are missing; the names of those made."""
        common = {"min.insync.replicas": str(layout.min_insync)}
        wanted = {name: _topic(layout.partitions, layout.replication, common) for name in derived}
        wanted[topic] = _topic(layout.partitions, layout.replication, common | dict(layout.configs))
        if dead_letters:
            wanted[f"{topic}.dlq"] = _topic(1, layout.replication, common | _DLQ_CONFIG)
        with self._admin() as admin:
            there = set(admin.list_topics())
            missing = {name: spec for name, spec in wanted.items() if name not in there}
            made = []
            for name, spec in missing.items():
                try:
                    admin.create_topics({name: spec}, wait_for_metadata=True)
                    made.append(name)
                except TopicAlreadyExistsError:  # somebody else was faster: the topic is there
                    continue
            return made

    def observe(self, topic: str, group: str) -> Observation | None:
        """The group on the topic, None where there is no such topic."""
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                return self._observe(topic, group)
            except KafkaAway as away:
                # The first question about any group makes the broker create the topic that it keeps offsets in.
                if not isinstance(away.__cause__, CoordinatorNotAvailableError) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _observe(self, topic: str, group: str) -> Observation | None:
        with self._admin() as admin:
            if topic not in set(admin.list_topics()):
                return None
            found = admin.describe_topics([topic])
            numbers = sorted(p["partition_index"] for entry in found for p in entry["partitions"])
            places = [TopicPartition(topic, number) for number in numbers]
            if not places:
                return None
            committed = admin.list_group_offsets({group: places})[group]
            starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
            ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            members = admin.describe_groups([group]).get(group, {}).get("members") or ()
            return Observation(
                tuple(
                    Partition(at.partition, starts[at].offset, ends[at].offset, _committed(committed, at))
                    for at in places
                ),
                len(members),
            )

    def begin(self, topic: str, group: str, seen: Observation) -> bool:
        """Commit the log's start for a group that never committed and has no member, so that its lag is known and
        wakes it; whether that was done."""
        if seen.members or any(partition.committed is not None for partition in seen.partitions):
            return False
        first = {TopicPartition(topic, p.number): OffsetAndMetadata(p.start, "", -1) for p in seen.partitions}
        with self._admin() as admin:
            admin.alter_group_offsets(group, first)
        return True

    def close(self) -> None:
        with self._lock:
            self._drop()

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        with self._lock:
            try:
                if self._client is None:
                    self._client = KafkaAdminClient(
                        bootstrap_servers=self._bootstrap.split(","),
                        client_id="shop-operator",
                        bootstrap_timeout_ms=_BOOTSTRAP_MS,
                        request_timeout_ms=10_000,
                        **_security(self._login),
                    )
                yield self._client
            except KafkaError as error:
                self._drop()
                raise KafkaAway(f"Kafka at {self._bootstrap}: {type(error).__name__}: {error}"[:300]) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class Kafkas:
    """One `Kafka` for each address and login in use."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[tuple[str, str], ...]], Kafka] = {}
        self._lock = threading.Lock()

    def at(self, bootstrap: str, login: Mapping[str, str]) -> Kafka:
        key = (bootstrap, tuple(sorted(login.items())))
        with self._lock:
            return self._known.setdefault(key, Kafka(bootstrap, login))


def _topic(partitions: int, replication: int, configs: dict[str, str]) -> dict[str, Any]:
    return {"num_partitions": partitions, "replication_factor": replication, "configs": configs}


def _committed(offsets: Mapping[Any, Any], place: Any) -> int | None:
    """-1 is the broker's word for "never committed"."""
    return offsets[place].offset if place in offsets and offsets[place].offset >= 0 else None


def _security(login: Mapping[str, str]) -> dict[str, Any]:
    """The client's options from the Secret's keys, which are those of KEDA's Kafka scaler."""
    sasl = login.get("sasl", "none")
    if sasl not in (*_MECHANISMS, "none"):
        raise KafkaAway(f"the Kafka Secret's key sasl is {sasl!r}: it must be none, {', '.join(_MECHANISMS)}")
    encrypted = login.get("tls", "disable") == "enable"
    options: dict[str, Any] = {}
    if encrypted:
        options["ssl_context"] = ssl.create_default_context(cadata=login.get("ca") or None)
    if sasl == "none":
        return options | {"security_protocol": "SSL" if encrypted else "PLAINTEXT"}
    return options | {
        "security_protocol": "SASL_SSL" if encrypted else "SASL_PLAINTEXT",
        "sasl_mechanism": _MECHANISMS[sasl],
        "sasl_plain_username": login.get("username", ""),
        "sasl_plain_password": login.get("password", ""),
    }
