"""Tells what came of a ShopConsumer's reconcile: its status, an Event where the number of pods changed, and metrics."""

from __future__ import annotations

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.controllers.consumer_applier import Applied
from shop_operator.controllers.consumer_conditions import ConsumerConditions
from shop_operator.controllers.consumer_memory import Memory
from shop_operator.controllers.consumer_scaling import Decided
from shop_operator.controllers.group_monitor import Groups
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import printer_columns
from shop_operator.decisions.conditions import Condition
from shop_operator.desired import scaler
from shop_runtime.scaling import rule
from shop_runtime.scaling.database_guard import Guard
from shop_runtime.scaling.rule import Decision


class ConsumerStatus:
    """Tells of all ShopConsumers."""

    def __init__(self, cluster: Cluster, groups: Groups, reporter: Reporter) -> None:
        self._reporter, self._conditions = reporter, ConsumerConditions(cluster, groups)

    def report(self, consumer: Resource, memory: Memory, decided: Decided, applied: Applied) -> None:
        _measure(consumer, memory, decided, applied)
        conditions = self._conditions.examine(consumer, memory, decided, applied)
        ready = self._conditions.ready(consumer, applied, conditions)
        shown = _columns(consumer, memory, decided, applied, ready)
        self._reporter.status(consumer.body, shown, [ready, *conditions])
        self._tell_scaling(consumer, memory, shown)
        self._tell_what_would_be(consumer, decided.scaling.decision, shown)
        _count(consumer, decided, shown)

    def _tell_scaling(self, consumer: Resource, memory: Memory, shown: Manifest) -> None:
        """An Event each time the number of pods was changed: by which rule."""
        before, after = consumer.status.get("wanted"), shown.get("wanted")
        if after is None or before == after:
            return
        # KEDA has acted on what it saw a moment ago: the newest decision for that number is the reason.
        fitting = [decision.reason for decision in memory.decisions if decision.wanted == after]
        why = fitting[-1] if fitting else f"on the way; now: {memory.decisions[-1].reason}"
        message = f"{printer_columns.pods(after)} (before: {'none' if before is None else before}): {why}"
        self._reporter.event(consumer.body, "Scaled", message)

    def _tell_what_would_be(self, consumer: Resource, decision: Decision, shown: Manifest) -> None:
        """A dry run's Event, each time that it would ask for another number of pods."""
        if decision.mode == rule.DRY and decision.wanted != consumer.status.get("needed"):
            asked = printer_columns.pods(shown["wanted"]) if "wanted" in shown else "none"
            self._reporter.event(consumer.body, "WouldScale", f"{decision.reason} (asked for: {asked})")


def _measure(consumer: Resource, memory: Memory, decided: Decided, applied: Applied) -> None:
    """How fast the pods are, and whether the database bounds them; that rests where they do not follow the rule."""
    at, group = decided.seen.at, decided.seen.group
    if group is None:
        return
    ready = (applied.live or {}).get("status", {}).get("readyReplicas", 0)
    memory.speed.observe(at, group, ready)
    if not scaler.guarded(consumer.spec):
        memory.guard = Guard()
        return
    least, most = scaler.bounds(consumer.spec, len(group.partitions), decided.scaling.extra)
    memory.guard.observe(at, group, ready, least, most)


def _columns(consumer: Resource, memory: Memory, decided: Decided, applied: Applied, ready: Condition) -> Manifest:
    """As `kubectl get` shows them."""
    scaling, group, age = decided.scaling, decided.seen.group, decided.age
    shown = printer_columns.columns(
        consumer.body, applied.live, group, scaling.decision, scaling.limits.threshold, memory.speed
    )
    reason = printer_columns.shown_reason(shown["reason"], ready)
    return shown | {"delay": age.text if age is not None else "-", "reason": reason}


def _count(consumer: Resource, decided: Decided, shown: Manifest) -> None:
    age, wanted = decided.age, decided.scaling.decision.wanted
    metrics.LAG.labels(*consumer.place).set(shown.get("lag", 0))
    metrics.DELAY.labels(*consumer.place).set(age.seconds if age is not None else 0)
    metrics.REPLICAS.labels(*consumer.place).set(shown["replicas"])
    metrics.WANTED.labels(*consumer.place).set(shown["replicas"] if wanted is None else wanted)
