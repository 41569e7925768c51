"""The conditions of a ShopConsumer, and whether it is ready: what a pod, Kafka or KEDA says against it."""

from __future__ import annotations

import time

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers.consumer_applier import Applied
from shop_operator.controllers.consumer_memory import Memory
from shop_operator.controllers.consumer_scaling import Decided
from shop_operator.controllers.group_monitor import Groups, Seen
from shop_operator.controllers.resource import Resource
from shop_operator.decisions import diagnostics, kafka_diagnostics, printer_columns, scaling_progress
from shop_operator.decisions.conditions import Condition, complete, condition, rollout
from shop_operator.decisions.scaling_progress import Gap
from shop_operator.desired import consumer as pods
from shop_operator.desired import scaler
from shop_operator.desired.base import text

_SESSION = 60.0


class ConsumerConditions:
    """Asks the API server only about what has come into doubt."""

    def __init__(self, cluster: Cluster, groups: Groups) -> None:
        self._cluster, self._groups, self._causes = cluster, groups, Causes(cluster)

    def examine(self, consumer: Resource, memory: Memory, decided: Decided, applied: Applied) -> list[Condition]:
        """All but Ready."""
        spec, seen = consumer.spec, decided.seen
        return [
            decided.keda,
            self._follows(consumer, memory, decided, applied),
            kafka_diagnostics.topic_missing(spec, seen.group, seen.reason, seen.trouble),
            kafka_diagnostics.topic_refused(spec, seen.refused),
            *kafka_diagnostics.rights(seen.reason, seen.trouble, seen.refused),
            kafka_diagnostics.offsets_lost(spec, seen.forgotten),
            self._shared(consumer, memory, seen),
            *diagnostics.examine(spec, seen.group, decided.scaling.limits.threshold),
            diagnostics.database_bound(scaler.guarded(spec), memory.guard.cap),
            diagnostics.late(spec.get("maxDelay"), decided.age),
        ]

    def ready(self, consumer: Resource, applied: Applied, conditions: list[Condition]) -> Condition:
        """Ready, or what is to be corrected first: what the API server or a pod says, then Kafka, then KEDA."""
        if applied.refusal:
            return condition("Ready", False, "Refused", applied.refusal)
        found = rollout(applied.live, [])
        if not complete(applied.live):
            folders = pods.folders(consumer.spec)
            causes = self._causes.of_pods(consumer.namespace, pods.selector(consumer.body), folders)
            found = rollout(applied.live, causes.pods, causes.cause)
        if not found.holds and found.reason not in printer_columns.QUIET:
            return found
        return (
            kafka_diagnostics.verdict(consumer.body, conditions)
            or _scaler_failing(applied.scaled_object)
            or _not_scaling(conditions)
            or found
        )

    def _follows(self, consumer: Resource, memory: Memory, decided: Decided, applied: Applied) -> Condition:
        """Do the pods follow the decision?"""
        decision, asked = decided.scaling.decision, printer_columns.asked_for(applied.live)
        wanted = decision.wanted
        if decided.keda.holds or decision.mode != "Auto" or wanted is None or asked is None:
            memory.gap = Gap()
            return condition(scaling_progress.KIND, False, "NotAuto", "The lag does not decide now.")
        lasts = memory.gap.lasts(time.monotonic(), wanted, asked)
        hpa = None
        if memory.gap.side and lasts > scaling_progress.bound(consumer.spec, memory.gap):
            hpa = self._cluster.get("HorizontalPodAutoscaler", consumer.namespace, f"keda-hpa-{consumer.name}")
        return scaling_progress.not_scaling(consumer.spec, lasts, memory.gap, wanted, applied.scaled_object, hpa)

    def _shared(self, consumer: Resource, memory: Memory, seen: Seen) -> Condition:
        """Does anybody else name the group, or stand in it?"""
        if seen.group is None:
            return condition("GroupShared", None, "GroupUnseen", "The group's members are not known.")
        others, strangers = self._groups.sharing(consumer.body, seen.group), list[str]()
        if seen.group.hosts and not others:
            own = self._cluster.list("Pod", consumer.namespace, text(pods.selector(consumer.body)))
            strangers = kafka_diagnostics.strange(seen.group.hosts, own)
        # A pod that was killed stays a member until its session ends.
        if not strangers:
            memory.strange_since = None
        elif memory.strange_since is None:
            memory.strange_since = time.monotonic()
        if memory.strange_since is None or time.monotonic() - memory.strange_since < _SESSION:
            strangers = []
        return kafka_diagnostics.group_shared(consumer.spec, others, strangers)


def _scaler_failing(scaled_object: Manifest | None) -> Condition | None:
    """What KEDA itself says against the ScaledObject."""
    said = (scaled_object or {}).get("status", {}).get("conditions", [])
    bad = next((entry for entry in said if entry["type"] == "Ready" and entry["status"] == "False"), None)
    return condition("Ready", False, "ScalerFailing", f"KEDA says: {bad.get('message', '')}") if bad else None


def _not_scaling(conditions: list[Condition]) -> Condition | None:
    lag = next(each for each in conditions if each.type == scaling_progress.KIND)
    return condition("Ready", False, scaling_progress.KIND, f"{lag.reason}: {lag.message}") if lag.holds else None
