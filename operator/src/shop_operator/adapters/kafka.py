"""The only room that talks to Kafka: topics and dead-letter topics, a group's first offsets, and its lag."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    NoError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
    for_code,
)
from kafka.structs import OffsetAndMetadata

from shop_operator.adapters import kafka_client_log
from shop_operator.decisions import kafka_faults
from shop_operator.decisions.kafka_faults import KafkaTrouble
from shop_operator.desired import kafka_login
from shop_operator.desired.kafka_login import Login
from shop_runtime.scaling.group_state import Observation, Partition

# A dead letter is an event of the broker's full size with its headers.
_DLQ_CONFIG = {"max.message.bytes": str(2 * 1024 * 1024), "retention.ms": "-1"}
_BOOTSTRAP_MS = 4000
_COORDINATOR_SECONDS = 5.0
# A dead Kafka is not asked again by each of its consumers in turn.
_DEAD_SECONDS = 4.0
# Answers of a broker about one topic that are its last word; the others are tried again.
_TRANSIENT = {"RequestTimedOutError", "NotControllerError", "NetworkExceptionError", "UnknownServerError"}
_GONE = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, SaslAuthenticationFailedError)
_BELIEVED = 2
_NUMBERS = itertools.count(1)
_COMPLAINTS = kafka_client_log.listen()


@dataclass(frozen=True)
class Layout:
    """How a missing topic is made; `configs` are the topic's own, not those of what belongs to it."""

    partitions: int
    replication: int
    min_insync: int
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """The topics that were made, and what was refused: each topic's name with the error's and the broker's words."""

    topics: list[str] = field(default_factory=list)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


class Kafka:
    """One Kafka, with a connection that is kept while it works. Safe to use from several threads, one at a time."""

    def __init__(self, bootstrap: str, known_by: Login) -> None:
        self._bootstrap = bootstrap
        self._login = known_by
        # The client's thread is named after it: by that its complaints are found.
        self._id = f"shop-operator-{next(_NUMBERS)}"
        self._lock = threading.Lock()
        self._client: Any = None
        self._cluster_id = ""
        self._dead: tuple[float, KafkaTrouble] | None = None
        self._worked, self._hung_up = False, 0

    def ensure(self, topic: str, layout: Layout, *, dead_letters: bool, derived: Iterable[str] = ()) -> Made:
        """Make the topic, those `derived` from it and its DLQ where they are missing."""
        common = {"min.insync.replicas": str(layout.min_insync)}
        wanted = {name: _topic(layout.partitions, layout.replication, common) for name in derived}
        wanted[topic] = _topic(layout.partitions, layout.replication, common | dict(layout.configs))
        if dead_letters:
            wanted[f"{topic}.dlq"] = _topic(1, layout.replication, common | _DLQ_CONFIG)
        made = Made()
        with self._admin() as admin:
            there = set(admin.list_topics())
            for name in [each for each in wanted if each not in there]:
                (answer,) = admin.create_topics({name: wanted[name]}, raise_errors=False)["topics"]
                error = for_code(answer["error_code"])
                if error is NoError:
                    admin.wait_for_topics([name])
                    made.topics.append(name)
                elif error.__name__ in _TRANSIENT:
                    raise error(answer["error_message"])
                elif error is not TopicAlreadyExistsError:  # somebody else was faster: the topic is there
                    made.refused[name] = (error.__name__, str(answer["error_message"] or error.__name__))
        return made

    def observe(self, topic: str, group: str) -> Observation | None:
        """The group on the topic, None where there is no such topic."""
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                return self._observe(topic, group)
            except KafkaTrouble as trouble:
                # The first question about any group makes the broker create the topic that it keeps offsets in.
                if not isinstance(trouble.__cause__, CoordinatorNotAvailableError) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _observe(self, topic: str, group: str) -> Observation | None:
        with self._admin() as admin:
            (found,) = admin.describe_topics([topic])
            error = for_code(found["error_code"])
            if issubclass(error, AuthorizationError):
                raise error(f"Topic {topic}: it must be allowed to describe it")
            places = [TopicPartition(topic, n) for n in sorted(p["partition_index"] for p in found["partitions"])]
            if not places:
                return None
            committed = admin.list_group_offsets({group: places})[group]
            starts = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
            ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            members = admin.describe_groups([group]).get(group, {}).get("members") or ()
            self._cluster_id = self._cluster_id or str(admin.describe_cluster()["cluster_id"])
            rows = [_row(at, starts, ends, committed) for at in places]
            hosts = tuple(sorted({str(member["client_host"]).lstrip("/") for member in members}))
            return Observation(tuple(rows), len(members), str(found["topic_id"] or ""), self._cluster_id, hosts)

    def commit(self, topic: str, group: str, offsets: Mapping[int, int]) -> str:
        """Commit for a group that has no member, by partition; '' when it is done, else why Kafka did not take it."""
        wanted = {TopicPartition(topic, number): OffsetAndMetadata(at, "", -1) for number, at in offsets.items()}
        with self._admin() as admin:
            answers = admin.alter_group_offsets(group, wanted)
        refused = sorted({error.__name__ for error in answers.values() if error is not NoError})
        if UnknownMemberIdError.__name__ in refused:
            return "the group has members"
        return ", ".join(refused)

    def close(self) -> None:
        with self._lock:
            self._drop()

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        self._raise_if_dead(busy=self._lock.locked())
        with self._lock:
            self._raise_if_dead(busy=False)
            try:
                if self._client is None:
                    self._client = self._connected()
                yield self._client
                self._dead, self._worked, self._hung_up = None, True, 0
            except KafkaError as error:
                gone = self._client is None or isinstance(error, _GONE)
                found = self._explained(error, _COMPLAINTS.taken(self._id))
                # What one topic or group is denied says nothing to the others that share this connection.
                if gone:
                    self._dead = (time.monotonic() + _DEAD_SECONDS, found)
                if found.reason != kafka_faults.NOT_AUTHORIZED:
                    self._drop()
                raise found from error

    def _raise_if_dead(self, *, busy: bool) -> None:
        """A Kafka that was dead a moment ago is answered for at once, and while another one tries it (`busy`)."""
        if self._dead is not None and (busy or time.monotonic() < self._dead[0]):
            raise KafkaTrouble(self._dead[1].reason, str(self._dead[1]))

    def _connected(self) -> Any:
        made = KafkaAdminClient.__new__(KafkaAdminClient)
        try:
            made.__init__(
                bootstrap_servers=self._bootstrap.split(","),
                client_id=self._id,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                request_timeout_ms=10_000,
                **kafka_login.options(self._login),
            )
        except KafkaError:
            # A client that did not get so far would keep its thread and its sockets for ever.
            made._closed = False
            made.close()
            raise
        _COMPLAINTS.taken(self._id)
        return made

    def _explained(self, error: KafkaError, cause: str) -> KafkaTrouble:
        where, who = f"Kafka at {self._bootstrap}", f"user {self._login.user} of {self._login.source}"
        if isinstance(error, SaslAuthenticationFailedError) or "Sasl" in cause:
            said = f"{where} refuses {who}: {cause or _words(error)}. Correct sasl, username or password there."
            return KafkaTrouble(kafka_faults.NOT_AUTHENTICATED, said)
        if isinstance(error, AuthorizationError):
            return KafkaTrouble(kafka_faults.NOT_AUTHORIZED, f"{where} denies {who} ({_words(error)}). Grant it.")
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            said = f"{where} shows a certificate that is not trusted ({cause.partition('verify failed: ')[2]})"
            fix = "correct kafka.caSecretRef, or ca of kafka.secretRef"
            return KafkaTrouble(kafka_faults.NOT_AUTHENTICATED, f"{said}: {fix}.")
        if "SSL" in cause:
            said = f"{where} does not speak TLS: correct the port, or tls of {self._login.source}."
            return KafkaTrouble(kafka_faults.NOT_AUTHENTICATED, said)
        if kafka_client_log.HUNG_UP in cause or kafka_client_log.TRIED in cause:
            self._hung_up += 1
            # A broker that stops hangs up as well; one that took this login before is believed for a while.
            if not self._worked or self._hung_up > _BELIEVED:
                return KafkaTrouble(
                    kafka_faults.NOT_AUTHENTICATED, f"{where} hangs up while {who} logs in: {self._guess()}."
                )
        return KafkaTrouble(kafka_faults.AWAY, f"{where}: {cause or _words(error)}"[:300])

    def _guess(self) -> str:
        """A broker that refuses a login may say nothing."""
        if self._login.values.get("sasl", "none").strip() == "none":
            return "it asks for a login or for TLS: see sasl and tls of kafka.secretRef"
        return "correct sasl, username, password or tls there"

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _topic(partitions: int, replication: int, configs: dict[str, str]) -> dict[str, Any]:
    return {"num_partitions": partitions, "replication_factor": replication, "configs": configs}


def _row(at: Any, starts: Mapping[Any, Any], ends: Mapping[Any, Any], committed: Mapping[Any, Any]) -> Partition:
    return Partition(at.partition, starts[at].offset, ends[at].offset, _committed(committed, at))


def _committed(offsets: Mapping[Any, Any], place: Any) -> int | None:
    """-1 is the broker's word for "never committed"."""
    return offsets[place].offset if place in offsets and offsets[place].offset >= 0 else None


def _words(error: BaseException) -> str:
    """The broker's own sentence, without the client's prefix."""
    return str(error.args[0]) if error.args else type(error).__name__
