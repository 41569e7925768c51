"""What Kafka says against a consumer: topic, login, rights, offsets, and who else is in the group. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shop_operator.decisions import kafka_faults
from shop_operator.decisions.conditions import Condition, condition
from shop_runtime.scaling.group_state import Observation

Manifest = dict[str, Any]
_FINE = "Fine"
# Those that are somebody's to correct; a Kafka that is away comes back by itself.
TO_CORRECT = (kafka_faults.NOT_AUTHENTICATED, kafka_faults.NOT_AUTHORIZED, kafka_faults.BAD_SECRET)


def topic_missing(spec: Manifest, seen: Observation | None, reason: str = "", trouble: str = "") -> Condition:
    """The topic is not there, or nobody can tell."""
    topic, kafka = spec["topic"], spec["kafka"]
    if reason == kafka_faults.AWAY:
        fix = "Is Kafka up, and do the address and the network let the operator in?"
        return condition("TopicMissing", None, reason, f"{trouble}. {fix}")
    if reason:
        return condition("TopicMissing", None, reason, trouble)
    if seen is None:
        how = "" if kafka["createTopics"] else "kafka.createTopics is false: "
        text = (
            f"Topic {topic} does not exist and {how}make it (kafka-topics.sh --bootstrap-server"
            f" {kafka['bootstrapServers']} --create --topic {topic} --partitions {kafka['partitions']}"
            f" --replication-factor {kafka['replicationFactor']}), or set createTopics to true."
        )
        return condition("TopicMissing", True, "TopicNotFound", text)
    return condition("TopicMissing", False, _FINE, f"Topic {topic} has {len(seen.partitions)} partitions.")


def rights(reason: str, trouble: str, refused: Mapping[str, tuple[str, str]]) -> list[Condition]:
    """Login, rights and Secrets: each a condition of its own. Unknown while Kafka does not answer."""
    denied = _denied(refused)
    found = [
        (kafka_faults.BAD_SECRET, "The Secrets for Kafka can be used.", reason == kafka_faults.BAD_SECRET, trouble),
        (kafka_faults.NOT_AUTHENTICATED, "Kafka takes the login.", reason == kafka_faults.NOT_AUTHENTICATED, trouble),
        (
            kafka_faults.NOT_AUTHORIZED,
            "Kafka lets the operator do its work.",
            reason == kafka_faults.NOT_AUTHORIZED or bool(denied),
            trouble if reason == kafka_faults.NOT_AUTHORIZED else denied,
        ),
    ]
    rows = []
    for kind, fine, holds, text in found:
        unknown = bool(reason) and not holds and kind != kafka_faults.BAD_SECRET
        said = text if holds else "Kafka could not be asked." if unknown else fine
        rows.append(condition(kind, None if unknown else holds, kind if holds else _FINE, said))
    return rows


def topic_refused(spec: Manifest, refused: Mapping[str, tuple[str, str]]) -> Condition:
    """Topics that Kafka does not make, in its own words, with the field to correct."""
    said = [
        f"Kafka refuses topic {name} ({_field(spec, name, code, message)}): {message.rstrip('.')}."
        for name, (code, message) in sorted(refused.items())
        if "Authorization" not in code
    ]
    if said:
        return condition(kafka_faults.REFUSED, True, kafka_faults.REFUSED, " ".join(said))
    return condition(kafka_faults.REFUSED, False, _FINE, "Kafka has refused no topic.")


def offsets_lost(spec: Manifest, forgotten: str) -> Condition:
    """The group has lost its offsets and they could not be put back."""
    if forgotten:
        text = (
            f"Kafka has forgotten where group {spec['group']} stood, and {forgotten}. Pin it to 0 (kubectl scale"
            " --replicas=0) until the operator has put the offsets back, then unpin."
        )
        return condition("OffsetsLost", True, "NotPutBack", text)
    return condition("OffsetsLost", False, _FINE, "The group's offsets are known.")


def group_shared(spec: Manifest, others: Iterable[str], strangers: Iterable[str]) -> Condition:
    """Somebody else names the group, or is in it: two would scale on one lag, and share its partitions."""
    named, found = list(others), sorted(strangers)
    if named:
        text = (
            f"Group {spec['group']} is named by ShopConsumer {', '.join(named)} as well: both scale on one lag and"
            " share the partitions. Give each a group of its own, or delete one."
        )
        return condition("GroupShared", True, "NamedTwice", text)
    if found:
        text = (
            f"Group {spec['group']} has members at {', '.join(found[:5])} that are no pods of this consumer: they take"
            " partitions from it. Stop them, or give them a group of their own."
        )
        return condition("GroupShared", True, "StrangeMembers", text)
    return condition("GroupShared", False, _FINE, "Nobody else is known to use the group.")


def strange(hosts: Iterable[str], pods: Iterable[Manifest]) -> list[str]:
    """Hosts of members that are no pods of ours. Said only where others of them are, since an address that is
    translated on its way would make each pod a stranger."""
    own = {pod.get("status", {}).get("podIP") for pod in pods}
    known = set(hosts)
    return sorted(known - own) if known & own else []


def verdict(body: Manifest, conditions: Iterable[Condition]) -> Condition | None:
    """Not Ready: what is somebody's to correct, and a topic that was never seen, as pods that run could be sent
    nothing. Later, Kafka's absence is told by `TopicMissing` alone."""
    found = {entry.type: entry for entry in conditions}
    for kind in (*TO_CORRECT, kafka_faults.REFUSED, "OffsetsLost", "GroupShared"):
        # Strangers are seen by their addresses only: told, but no verdict.
        if kind in found and found[kind].holds and found[kind].reason != "StrangeMembers":
            return condition("Ready", False, kind, found[kind].message)
    missing = found["TopicMissing"]
    if missing.status == "False" or (missing.reason == kafka_faults.AWAY and "partitions" in body.get("status", {})):
        return None
    return condition("Ready", False, missing.reason, missing.message)


def _field(spec: Manifest, name: str, code: str, message: str) -> str:
    named = kafka_faults.field_of(code, message)
    if named:
        return named
    if name == spec["topic"]:
        return "topic"
    return "deadLetterTopic" if name == f"{spec['topic']}.dlq" else "derivedTopics"


def _denied(refused: Mapping[str, tuple[str, str]]) -> str:
    names = sorted(name for name, (code, _) in refused.items() if "Authorization" in code)
    if not names:
        return ""
    return (
        f"Kafka denies the operator to make {', '.join(names)}: grant CREATE, or make them (kafka.createTopics: false)."
    )
