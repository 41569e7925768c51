"""Topics as code: what must exist before anyone writes or reads, and the ids that tell a topic made anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from shop_core.errors import Unavailable
from shop_core.events.envelope import Domain
from shop_core.kafka.connection import KafkaConnection

# A poison message of the broker's full size must still fit into the DLQ with its headers.
DLQ_MESSAGE_BYTES = 2 * 1024 * 1024


def reachable(kafka: KafkaConnection) -> bool:
    """Whether a client that is made now gets an answer."""
    try:
        with admin(kafka):
            return True
    except Unavailable:
        return False


@contextmanager
def admin(kafka: KafkaConnection, timeout_ms: int = 5000) -> Iterator[KafkaAdminClient]:
    """An admin client for one task; raises `Unavailable` when no broker answers or a call fails."""
    client = None
    try:
        client = KafkaAdminClient(
            client_id="scalable-shop-admin",
            bootstrap_timeout_ms=timeout_ms,
            **kafka.options(),
        )
        yield client
    except KafkaError as error:
        raise kafka.unavailable(f"{type(error).__name__}: {error}") from error
    finally:
        if client is not None:
            client.close()


def ensure_topics(
    kafka: KafkaConnection, domains: Iterable[Domain], partitions: int = 12, replication: int = 1
) -> list[str]:
    """Create each domain's topic, its DLQ and its derived topics where missing; the names of those made.

    Safe to repeat.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for domain in domains:
        for topic, configs in {domain.topic: domain.topic_config, **{topic: {} for topic in domain.derived}}.items():
            wanted[topic] = {
                "num_partitions": partitions,
                "replication_factor": replication,
                "configs": dict(configs),
            }
        wanted[domain.dlq] = {
            "num_partitions": 1,
            "replication_factor": replication,
            "configs": {"max.message.bytes": str(DLQ_MESSAGE_BYTES), "retention.ms": "-1"},
        }
    with admin(kafka) as client:
        missing = {name: spec for name, spec in wanted.items() if name not in set(client.list_topics())}
        if missing:
            with suppress(TopicAlreadyExistsError):  # another starter was faster: the topics are there
                client.create_topics(missing)
        return list(missing)


def topic_ids(kafka: KafkaConnection, topics: Iterable[str], timeout_ms: int = 5000) -> dict[str, str]:
    """Each existing topic's id; a topic deleted and made anew has another one."""
    with admin(kafka, timeout_ms) as client:
        return {t["name"]: str(t["topic_id"]) for t in client.describe_topics(list(topics)) if not t["error_code"]}
