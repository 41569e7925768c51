"""Away, refused, not authorized and not authenticated are told apart, each with what to correct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.decisions import kafka_diagnostics, kafka_faults
from shop_runtime.scaling.group_state import Observation, Partition

Make = Callable[..., dict[str, Any]]
SEEN = Observation((Partition(0, 0, 0, 0),), 1)


def test_a_missing_topic_and_a_missing_kafka_are_told_apart(consumer: Make) -> None:
    spec = consumer(kafka={"bootstrapServers": "kafka:9092", "createTopics": False})["spec"]
    missing = kafka_diagnostics.topic_missing(spec, None)
    assert missing.holds and "kafka-topics.sh" in missing.message and "--partitions 12" in missing.message
    away = kafka_diagnostics.topic_missing(spec, None, kafka_faults.AWAY, "Kafka at kafka:9092: no answer")
    assert away.status == "Unknown" and away.reason == "KafkaAway" and "Is Kafka up" in away.message
    assert kafka_diagnostics.topic_missing(spec, SEEN).status == "False"


@pytest.mark.parametrize("reason", kafka_diagnostics.TO_CORRECT)
def test_each_trouble_is_a_condition_of_its_own(reason: str, consumer: Make) -> None:
    spec = consumer()["spec"]
    rows = {entry.type: entry for entry in kafka_diagnostics.rights(reason, "why", {})}
    assert [kind for kind, entry in rows.items() if entry.holds] == [reason] and rows[reason].message == "why"
    missing = kafka_diagnostics.topic_missing(spec, None, reason, "why")
    assert (missing.status, missing.reason) == ("Unknown", reason)
    body = consumer() | {"status": {"partitions": 12}}
    verdict = kafka_diagnostics.verdict(body, [missing, *rows.values()])
    assert verdict is not None and (verdict.status, verdict.reason) == ("False", reason)


def test_a_kafka_that_is_away_says_nothing_of_login_and_rights() -> None:
    rows = {entry.type: entry.status for entry in kafka_diagnostics.rights(kafka_faults.AWAY, "why", {})}
    assert rows == {
        "SecretInvalid": "False",
        kafka_faults.NOT_AUTHENTICATED: "Unknown",
        kafka_faults.NOT_AUTHORIZED: "Unknown",
    }


@pytest.mark.parametrize(
    ("name", "code", "words", "named"),
    [
        ("orders", "InvalidTopicError", "Topic name is invalid", "topic"),
        ("orders.dlq", "InvalidTopicError", "collides", "deadLetterTopic"),
        ("more", "InvalidTopicError", "collides", "derivedTopics"),
        ("orders", "InvalidReplicationFactorError", "only 1 broker", "kafka.replicationFactor"),
        ("orders", "InvalidPartitionsError", "too many", "kafka.partitions"),
        ("orders", "InvalidConfigurationError", "Unknown topic config name", "topicConfig"),
        ("orders", "InvalidConfigurationError", "value for min.insync.replicas", "kafka.minInsyncReplicas"),
        ("orders", "PolicyViolationError", "too short a retention", "topic"),
    ],
)
def test_a_refused_topic_is_told_with_its_field(name: str, code: str, words: str, named: str, consumer: Make) -> None:
    found = kafka_diagnostics.topic_refused(consumer()["spec"], {name: (code, words)})
    assert found.holds and found.reason == "TopicRefused"
    assert f"refuses topic {name} ({named}): {words}" in found.message


def test_a_right_that_is_missing_is_no_refusal(consumer: Make) -> None:
    refused = {"orders.dlq": ("TopicAuthorizationFailedError", "Authorization failed.")}
    assert not kafka_diagnostics.topic_refused(consumer()["spec"], refused).holds
    denied = next(c for c in kafka_diagnostics.rights("", "", refused) if c.holds)
    assert denied.type == kafka_faults.NOT_AUTHORIZED and "orders.dlq: grant CREATE" in denied.message


def test_nobody_is_ready_before_the_topic_was_seen_once(consumer: Make) -> None:
    body = consumer(kafka={"bootstrapServers": "kafka:9092", "createTopics": False})
    away = kafka_diagnostics.topic_missing(body["spec"], None, kafka_faults.AWAY, "no answer")
    told = kafka_diagnostics.verdict(body, [away])
    assert told is not None and (told.type, told.status, told.reason) == ("Ready", "False", "KafkaAway")
    known = body | {"status": {"partitions": 12}}
    assert kafka_diagnostics.verdict(known, [away]) is None, "later that is another condition's"
    assert kafka_diagnostics.verdict(body, [kafka_diagnostics.topic_missing(body["spec"], SEEN)]) is None


def test_a_group_with_two_owners(consumer: Make) -> None:
    spec = consumer()["spec"]
    named = kafka_diagnostics.group_shared(spec, ["other/billing"], [])
    assert named.holds and "other/billing" in named.message
    assert kafka_diagnostics.group_shared(spec, [], ["10.0.0.9"]).reason == "StrangeMembers"
    assert not kafka_diagnostics.group_shared(spec, [], []).holds


def test_members_at_other_addresses_are_strange_only_where_ours_are_seen() -> None:
    pods: list[dict[str, Any]] = [{"status": {"podIP": "10.0.0.1"}}, {"status": {}}]
    assert kafka_diagnostics.strange(["10.0.0.1", "10.0.0.9"], pods) == ["10.0.0.9"]
    assert kafka_diagnostics.strange(["10.0.0.1"], pods) == []
    assert kafka_diagnostics.strange(["172.16.0.5"], pods) == [], "translated on its way"


def test_offsets_that_are_lost_and_not_put_back(consumer: Make) -> None:
    found = kafka_diagnostics.offsets_lost(consumer()["spec"], "2 members are in it")
    assert found.holds and "--replicas=0" in found.message
    assert not kafka_diagnostics.offsets_lost(consumer()["spec"], "").holds
