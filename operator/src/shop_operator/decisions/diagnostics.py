"""The partition doctor: what keeps a consumer from scaling, each with its fix. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from shop_operator.decisions.conditions import Condition, condition
from shop_runtime.scaling.delay_trigger import exceeded
from shop_runtime.scaling.event_age import Age
from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import Cap

Manifest = dict[str, Any]
_RESET = re.compile(r"auto[._-]?offset[._-]?reset", re.IGNORECASE)
_FINE = "Fine"
# A partition is hot where it alone holds most of a lag that is worth more than one pod.
_HOT_SHARE = 0.5
# KEDA takes some seconds for a new ScaledObject, and half a minute to start itself.
_UNLOOKED_SECONDS = 60


def examine(spec: Manifest, seen: Observation | None, threshold: int) -> list[Condition]:
    """The three conditions about partitions; Unknown where the topic can't be seen."""
    return [partition_bound(spec, seen), hot_partition(spec, seen, threshold), offset_policy(spec, seen)]


def partition_bound(spec: Manifest, seen: Observation | None) -> Condition:
    """More pods than partitions are allowed or pinned."""
    if seen is None:
        return condition("PartitionBound", None, "TopicUnseen", "The topic's partitions are not known.")
    count, topic, most, pinned = len(seen.partitions), spec["topic"], spec["maxReplicas"], spec.get("replicas")
    if pinned is not None and pinned > count:
        text = (
            f"{pinned} pods are pinned, but topic {topic} has {count} partitions, so {pinned - count} idle: pin at most"
            f" {count} (kubectl scale --replicas={count}), or {_grow(spec, pinned)}."
        )
        return condition("PartitionBound", True, "PinnedAbovePartitions", text)
    if most > count:
        text = (
            f"maxReplicas is {most}, but topic {topic} has {count} partitions, so more than {count} pods can't help:"
            f" set spec.maxReplicas to {count}, or {_grow(spec, most)}."
        )
        return condition("PartitionBound", True, "MaxAbovePartitions", text)
    return condition("PartitionBound", False, _FINE, f"Up to {most} pods for {count} partitions.")


def _grow(spec: Manifest, partitions: int) -> str:
    """How to give a topic more partitions, and what it costs."""
    return (
        f"give the topic more partitions (kafka-topics.sh --bootstrap-server {spec['kafka']['bootstrapServers']}"
        f" --alter --topic {spec['topic']} --partitions {partitions}; keys then move to other partitions, so that"
        " order across the change is not kept)"
    )


def hot_partition(spec: Manifest, seen: Observation | None, threshold: int) -> Condition:
    """One partition holds most of the lag: no number of pods helps."""
    if seen is None:
        return condition("HotPartition", None, "TopicUnseen", "The topic's partitions are not known.")
    count, lag = len(seen.partitions), seen.lag
    hottest = max(seen.partitions, key=lambda partition: partition.lag)
    if count > 2 and lag > 2 * threshold and hottest.lag > _HOT_SHARE * lag:
        text = (
            f"Partition {hottest.number} of topic {spec['topic']} holds {hottest.lag} of {lag} events of lag: one key,"
            " or few, get most events, and one pod must work them off. Choose a key with more values in the producer"
            " (not a constant), or make handling one event faster; more pods do not help."
        )
        return condition("HotPartition", True, "LagInOnePartition", text)
    return condition("HotPartition", False, _FINE, "The lag is spread over the partitions.")


def offset_policy(spec: Manifest, seen: Observation | None) -> Condition:
    """The consumer would begin elsewhere than KEDA counts from, which is the log's start."""
    latest = _latest(spec)
    if latest and spec.get("offsetResetPolicy", "earliest") == "earliest":
        text = (
            f"{latest} makes a group without offsets begin at the log's end, but KEDA counts its lag from the start:"
            " events would be skipped. Set it to earliest, or spec.offsetResetPolicy to latest."
        )
        return condition("OffsetPolicyMismatch", True, "ConsumerStartsLatest", text)
    if seen is None:
        return condition("OffsetPolicyMismatch", None, "TopicUnseen", "The group's offsets are not known.")
    lost = [p for p in seen.partitions if p.committed is not None and p.committed < p.start]
    if lost:
        first = lost[0]
        text = (
            f"Group {spec['group']} stands at {first.committed} in partition {first.number}, but the log begins at"
            f" {first.start} ({len(lost)} partitions): retention took events before they were read, and the image's own"
            " reset policy decides where it goes on. Raise retention.ms of the topic, and see why the group was behind."
        )
        return condition("OffsetPolicyMismatch", True, "OffsetsBeforeLog", text)
    return condition("OffsetPolicyMismatch", False, _FINE, "The group begins where KEDA counts from: earliest.")


def _latest(spec: Manifest) -> str:
    """The variable or argument that sets the reset policy to latest, '' where none does."""
    for entry in spec.get("env", []):
        if _RESET.search(entry["name"]) and str(entry.get("value", "")).lower() == "latest":
            return f"The variable {entry['name']}=latest"
    words: Iterable[str] = [*spec.get("command", []), *spec.get("args", [])]
    text = " ".join(words)
    found = re.search(_RESET.pattern + r"[ =:]+latest", text, re.IGNORECASE)
    return f"The argument '{found.group(0)}'" if found else ""


def database_bound(guarded: bool, cap: Cap | None) -> Condition:
    """More pods store no more."""
    if cap is not None and cap.found:
        text = (
            f"{cap.why}: what the pods share is the bottleneck, usually the database, so no more than {cap.pods} are"
            " asked for. See how busy it is; give it more CPU, memory or faster disks, or set databaseGuard to false."
        )
        return condition("DatabaseBound", True, "MorePodsStoreNoMore", text)
    said = "More pods store more, as far as it is known." if guarded else "databaseGuard is off: it is not looked for."
    return condition("DatabaseBound", False, _FINE if guarded else "Off", said)


def late(max_delay: str | None, age: Age | None) -> Condition:
    """An event waits for longer than it may."""
    if age is not None and (said := exceeded(age, max_delay)):
        text = (
            f"{said}. REASON says how many pods are asked for; where those are all that may be, raise maxReplicas, or"
            " make handling one event faster; where one partition holds them, see HotPartition and the pods' logs."
        )
        return condition("MaxDelayExceeded", True, "EventsLate", text)
    return condition("MaxDelayExceeded", False, _FINE, "No event waits for longer than maxDelay, where there is one.")


def keda_missing(served: bool, scaled_object: Manifest | None, age: float) -> Condition:
    """KEDA's resources are unknown to the API server, or nobody acts on them for `age` seconds."""
    if not served:
        text = (
            "KEDA is not installed, so nothing scales; the pods stay at minReplicas or 1. Install it (helm install keda"
            " kedacore/keda -n keda --create-namespace -f keda/values.yaml); scaling then starts by itself."
        )
        return condition("KedaMissing", True, "NotInstalled", text)
    looked = scaled_object is not None and scaled_object.get("status", {}).get("conditions")
    if not looked and age > _UNLOOKED_SECONDS:
        text = (
            "KEDA's resources are installed, but nobody acts on the ScaledObject: is keda-operator running (kubectl get"
            " pods -n keda), and does it watch this namespace? Meanwhile the pods stay at minReplicas or 1."
        )
        return condition("KedaMissing", True, "NotRunning", text)
    return condition("KedaMissing", False, _FINE, "KEDA is installed and knows the consumer.")
