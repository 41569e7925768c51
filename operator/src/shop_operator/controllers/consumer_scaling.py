"""Decides how many pods a ShopConsumer is to have, by its spec, what Kafka showed, and what KEDA does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.controllers.consumer_memory import Memory
from shop_operator.controllers.group_monitor import Seen
from shop_operator.controllers.resource import Resource
from shop_operator.decisions import diagnostics, kafka_faults, printer_columns, scaling_progress, warm_up
from shop_operator.decisions.conditions import Condition
from shop_operator.desired import scaler
from shop_operator.desired.consumer_objects import Scaling
from shop_runtime.scaling import rule
from shop_runtime.scaling.event_age import Age
from shop_runtime.scaling.rule import Cap, Floor, Limits


@dataclass(frozen=True)
class Decided:
    """What was decided, and by what. `scaled_object` is KEDA's order as it was found."""

    seen: Seen
    scaling: Scaling
    keda: Condition
    age: Age | None
    scaled_object: Manifest | None


def decide(cluster: Cluster, consumer: Resource, memory: Memory, seen: Seen) -> Decided:
    """Decide once, and remember it."""
    threshold, extra = _threshold(consumer, memory), warm_up.extra(consumer.spec, datetime.now(UTC))
    served, scaled_object = _keda(cluster, consumer, memory)
    keda = diagnostics.keda_missing(served, scaled_object, _unlooked(memory))
    age = memory.ages.observe(seen.at, seen.group) if seen.group is not None else None
    partitions = printer_columns.partitions(consumer.body, seen.group)
    least, _ = scaler.bounds(consumer.spec, partitions, extra)
    limits = _limits(consumer.spec, threshold, least, _cap(consumer, memory), _floor(consumer, memory, seen, age))
    decision = scaling_progress.fallen_back(consumer.spec, scaled_object) or rule.decide(
        limits, seen.group, keda=not keda.holds, trouble=_trouble(seen), hold=_hold(seen)
    )
    memory.decisions.append(decision)
    # KEDA is sent nowhere before the operator was: its login is for the brokers that were named before.
    ordered = served and seen.reason not in (kafka_faults.UNASKED, kafka_faults.BAD_SECRET)
    keys = None if seen.reason else seen.keys
    scaling = Scaling(decision, limits, partitions, extra, not keda.holds, ordered, keys)
    return Decided(seen, scaling, keda, age, scaled_object)


def _threshold(consumer: Resource, memory: Memory) -> int:
    if "lagThreshold" in consumer.spec:
        return int(consumer.spec["lagThreshold"])
    return rule.threshold_for(consumer.spec["drainWithin"], memory.speed.per_pod, consumer.status.get("lagThreshold"))


def _keda(cluster: Cluster, consumer: Resource, memory: Memory) -> tuple[bool, Manifest | None]:
    """Is KEDA's kind known, and its order for this consumer."""
    served = cluster.serves("ScaledObject")
    live = cluster.get("ScaledObject", consumer.namespace, consumer.name) if served else None
    if live is None or live.get("status", {}).get("conditions"):
        memory.unlooked_since = None
    elif memory.unlooked_since is None:
        memory.unlooked_since = time.monotonic()
    return served, live


def _unlooked(memory: Memory) -> float:
    return time.monotonic() - memory.unlooked_since if memory.unlooked_since is not None else 0.0


def _limits(spec: Manifest, threshold: int, least: int, cap: Cap | None, floor: Floor | None) -> Limits:
    """What the spec allows, the minimum as a warm-up and late events have raised it, the maximum as the database
    bounds it."""
    warm = ""
    if least > spec["minReplicas"]:
        warm = f" ({least - spec['minReplicas']} for {spec['warmUp'].get('campaign', 'a warm-up')})"
    return Limits(
        minimum=max(least, spec["minReplicas"]),
        maximum=spec["maxReplicas"],
        pinned=spec.get("replicas"),
        threshold=threshold,
        warm=warm,
        dry=scaler.dry(spec),
        cap=cap,
        floor=floor,
        activation=spec.get("activationLagThreshold", 0),
    )


def _cap(consumer: Resource, memory: Memory) -> Cap | None:
    return memory.guard.cap if scaler.guarded(consumer.spec) else None


def _floor(consumer: Resource, memory: Memory, seen: Seen, age: Age | None) -> Floor | None:
    spec = consumer.spec
    if seen.group is None or age is None or "maxDelay" not in spec:
        return None
    ready = consumer.status.get("readyReplicas", 0)
    return memory.late.observe(seen.at, seen.group, age, spec["maxDelay"], ready, spec["cooldownPeriod"])


def _trouble(seen: Seen) -> str:
    """Why the group is not seen, as the rule says it."""
    if seen.group is not None:
        return ""
    return kafka_faults.in_words(seen.reason or (kafka_faults.REFUSED if seen.refused else ""))


def _hold(seen: Seen) -> str:
    return "the group's offsets are lost: nothing is read again" if seen.forgotten else ""
