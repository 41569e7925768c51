"""One look at a ShopConsumer: Deployment, ScaledObject, status, by what Kafka was seen to hold."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest, controller_of
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers import finalizers
from shop_operator.controllers.applier import Applier
from shop_operator.controllers.group_monitor import Groups, Seen
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import (
    diagnostics,
    kafka_diagnostics,
    kafka_faults,
    printer_columns,
    scaling_progress,
    warm_up,
)
from shop_operator.decisions.conditions import Condition, complete, condition, rollout
from shop_operator.decisions.scaling_progress import Gap
from shop_operator.desired import consumer, scaler
from shop_operator.desired.base import text
from shop_operator.desired.workload import Workload
from shop_runtime.scaling import rule
from shop_runtime.scaling.database_guard import Guard
from shop_runtime.scaling.delay_trigger import DelayTrigger
from shop_runtime.scaling.event_age import Age, Ages
from shop_runtime.scaling.rule import Decision, Limits
from shop_runtime.scaling.speed import Speed

log = logging.getLogger(__name__)
KIND = "ShopConsumer"
_SESSION = 60.0


@dataclass
class _Memory:
    """What is remembered between two looks; all of it can be lost."""

    uid: str
    speed: Speed
    guard: Guard = field(default_factory=Guard)
    ages: Ages = field(default_factory=Ages)
    late: DelayTrigger = field(default_factory=DelayTrigger)
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=12))
    unlooked_since: float | None = None
    gap: Gap = field(default_factory=Gap)
    strange_since: float | None = None


@dataclass(frozen=True)
class _Facts:
    """What one look has found."""

    seen: Seen
    threshold: int
    keda: Condition
    age: Age | None
    decision: Decision
    refusal: str
    live: Manifest | None
    scaled_object: Manifest | None


class Consumers:
    """Keeps every ShopConsumer."""

    def __init__(self, cluster: Cluster, groups: Groups, reporter: Reporter) -> None:
        self._cluster, self._groups, self._reporter = cluster, groups, reporter
        self._applier, self._causes = Applier(cluster, reporter), Causes(cluster)
        self._memories: dict[tuple[str, str], _Memory] = {}

    def reconcile(self, namespace: str, name: str) -> bool:
        """Bring one ShopConsumer to what it asks for; False when it is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            metrics.forget(KIND, namespace, name)
            self._cluster.forget(KIND, namespace, name)
            self._memories.pop((namespace, name), None)
            return False
        if finalizers.held(body):
            finalizers.release(self._cluster, body)
        elif "deletionTimestamp" not in body["metadata"]:
            seen = self._groups.latest(body)
            body = self._truly_owned(body)
            if finalizers.drain_asked(body):
                self._drain(body, seen)
            # A new one waits until Kafka was asked, so that its topic is there before its pods.
            elif seen is not None or body.get("status"):
                self._keep(body, seen)
        return True

    def _truly_owned(self, body: Manifest) -> Manifest:
        """Anybody may write an owner down; a Shop's policies hold only for the consumers that it asks for."""
        meta, owner = body["metadata"], controller_of(body)
        shop = (
            self._cluster.get("Shop", meta["namespace"], owner["name"]) if owner and owner["kind"] == "Shop" else None
        )
        if owner is None or shop is None:
            return body
        asked = [each["domain"] for each in shop["spec"].get("consumers", [])]
        if owner["uid"] == shop["metadata"]["uid"] and meta["name"] in asked:
            return body
        return body | {"metadata": {name: value for name, value in meta.items() if name != "ownerReferences"}}

    def _keep(self, body: Manifest, answer: Seen | None) -> None:
        memory = self._memory(body)
        seen = answer or Seen(0, reason=kafka_faults.UNASKED)
        threshold, extra = self._threshold(body, memory), warm_up.extra(body["spec"], datetime.now(UTC))
        served, scaled_object = self._keda(body, memory)
        keda = diagnostics.keda_missing(served, scaled_object, self._unlooked(memory))
        age = memory.ages.observe(seen.at, seen.group) if seen.group is not None else None
        limits = self._limits(body, memory, seen, threshold, extra, age)
        decision = scaling_progress.fallen_back(body["spec"], scaled_object) or rule.decide(
            limits, seen.group, keda=not keda.holds, trouble=_trouble(seen), hold=_hold(seen)
        )
        memory.decisions.append(decision)
        live, refusal = None, ""
        try:
            live = self._deploy(body, decision, limits.minimum, keda=not keda.holds)
            # KEDA is sent nowhere before the operator was: its login is for the brokers that were named before.
            if served and seen.reason not in (kafka_faults.UNASKED, kafka_faults.BAD_SECRET):
                scaled_object = self._scale(body, seen, limits, extra)
        except ClusterError as error:
            refusal = str(error)
            log.warning("apply_refused", extra=_place(body) | {"error": refusal})
        # Until Kafka was asked for a new spec, what was told of the one before stands.
        if answer is not None:
            facts = _Facts(seen, threshold, keda, age, decision, refusal, live, scaled_object)
            self._report(body, memory, facts)

    def _memory(self, body: Manifest) -> _Memory:
        meta = body["metadata"]
        key = (meta["namespace"], meta["name"])
        if key not in self._memories or self._memories[key].uid != meta["uid"]:
            self._memories[key] = _Memory(meta["uid"], Speed(body.get("status", {}).get("ratePerPod")))
        return self._memories[key]

    def _threshold(self, body: Manifest, memory: _Memory) -> int:
        spec = body["spec"]
        if "lagThreshold" in spec:
            return int(spec["lagThreshold"])
        previous = body.get("status", {}).get("lagThreshold")
        return rule.threshold_for(spec["drainWithin"], memory.speed.per_pod, previous)

    def _keda(self, body: Manifest, memory: _Memory) -> tuple[bool, Manifest | None]:
        """Is KEDA's kind known, and its order for this consumer."""
        served, meta = self._cluster.serves("ScaledObject"), body["metadata"]
        live = self._cluster.get("ScaledObject", meta["namespace"], meta["name"]) if served else None
        if live is None or live.get("status", {}).get("conditions"):
            memory.unlooked_since = None
        elif memory.unlooked_since is None:
            memory.unlooked_since = time.monotonic()
        return served, live

    def _unlooked(self, memory: _Memory) -> float:
        return time.monotonic() - memory.unlooked_since if memory.unlooked_since is not None else 0.0

    def _limits(
        self, body: Manifest, memory: _Memory, seen: Seen, threshold: int, extra: int, age: Age | None
    ) -> Limits:
        """What the spec allows, the minimum as a warm-up and late events have raised it, the maximum as the database
        bounds it."""
        spec = body["spec"]
        least, _ = scaler.bounds(spec, printer_columns.partitions(body, seen.group), extra)
        warm = ""
        if least > spec["minReplicas"]:
            warm = f" ({least - spec['minReplicas']} for {spec['warmUp'].get('campaign', 'a warm-up')})"
        least, dry = max(least, spec["minReplicas"]), scaler.dry(spec)
        activation = spec.get("activationLagThreshold", 0)
        cap, floor = memory.guard.cap if _guarded(spec) else None, None
        if seen.group is not None and age is not None and "maxDelay" in spec:
            ready = body.get("status", {}).get("readyReplicas", 0)
            floor = memory.late.observe(seen.at, seen.group, age, spec["maxDelay"], ready, spec["cooldownPeriod"])
        return Limits(least, spec["maxReplicas"], spec.get("replicas"), threshold, warm, dry, cap, floor, activation)

    def _deploy(self, body: Manifest, decision: Decision, least: int, *, keda: bool) -> Manifest:
        owner, wanted = Resource.of(body), consumer.deployment(body)
        pinned, dry = decision.mode == "Pinned", scaler.dry(body["spec"])
        first = max(1, least) if decision.wanted is None or (dry and not pinned) else decision.wanted
        # A pin is held by us as well: KEDA would not see a hand that scales the Deployment.
        fixed = first if pinned or not (keda or dry) else None
        for each in consumer.companions(body):
            self._applier.apply(owner, each)
        if not body["spec"].get("networkPolicy", True):
            let_in_again(self._cluster, body)
        return self._applier.deploy(owner, Workload(wanted, first, fixed))

    def _scale(self, body: Manifest, seen: Seen, limits: Limits, extra: int) -> Manifest:
        """KEDA's order. Its login is left as it is while the operator's own can't be read."""
        if not seen.reason:
            login = scaler.trigger_authentication(body, list(seen.keys))
            if login is not None:
                self._applier.apply(Resource.of(body), login)
        partitions = printer_columns.partitions(body, seen.group)
        wanted = scaler.scaled_object(body, limits.threshold, partitions, extra, limits.cap, limits.floor)
        return self._applier.apply(Resource.of(body), wanted)

    def _report(self, body: Manifest, memory: _Memory, facts: _Facts) -> None:
        meta, spec, seen, live = body["metadata"], body["spec"], facts.seen, facts.live
        have = (live or {}).get("status", {})
        if seen.group is not None:
            memory.speed.observe(seen.at, seen.group, have.get("readyReplicas", 0))
            self._guard(body, memory, seen, have.get("readyReplicas", 0))
        conditions = [
            facts.keda,
            self._follows(body, memory, facts),
            kafka_diagnostics.topic_missing(spec, seen.group, seen.reason, seen.trouble),
            kafka_diagnostics.topic_refused(spec, seen.refused),
            *kafka_diagnostics.rights(seen.reason, seen.trouble, seen.refused),
            kafka_diagnostics.offsets_lost(spec, seen.forgotten),
            self._shared(body, memory, seen),
            *diagnostics.examine(spec, seen.group, facts.threshold),
            diagnostics.database_bound(_guarded(spec), memory.guard.cap),
            diagnostics.late(spec.get("maxDelay"), facts.age),
        ]
        ready = self._ready(body, facts, conditions)
        shown = printer_columns.columns(body, live, seen.group, facts.decision, facts.threshold, memory.speed)
        shown["delay"] = facts.age.text if facts.age is not None else "-"
        shown["reason"] = printer_columns.shown_reason(shown["reason"], ready)
        self._reporter.status(body, shown, [ready, *conditions])
        self._tell_scaling(body, memory, shown)
        self._tell_what_would_be(body, facts.decision, shown)
        place = (meta["namespace"], meta["name"])
        metrics.LAG.labels(*place).set(shown.get("lag", 0))
        metrics.DELAY.labels(*place).set(facts.age.seconds if facts.age is not None else 0)
        metrics.REPLICAS.labels(*place).set(shown["replicas"])
        wanted = facts.decision.wanted
        metrics.WANTED.labels(*place).set(shown["replicas"] if wanted is None else wanted)

    def _guard(self, body: Manifest, memory: _Memory, seen: Seen, ready: int) -> None:
        """Does the database bound the pods? It rests where the pods do not follow the rule."""
        spec = body["spec"]
        if not _guarded(spec):
            memory.guard = Guard()
        elif seen.group is not None:
            extra = warm_up.extra(spec, datetime.now(UTC))
            least, most = scaler.bounds(spec, len(seen.group.partitions), extra)
            memory.guard.observe(seen.at, seen.group, ready, least, most)

    def _ready(self, body: Manifest, facts: _Facts, conditions: list[Condition]) -> Condition:
        """Ready, or what is to be corrected first: what the API server or a pod says, then Kafka, then KEDA."""
        if facts.refusal:
            return condition("Ready", False, "Refused", facts.refusal)
        found = rollout(facts.live, [])
        if not complete(facts.live):
            folders = consumer.folders(body["spec"])
            causes = self._causes.of_pods(body["metadata"]["namespace"], consumer.selector(body), folders)
            found = rollout(facts.live, causes.pods, causes.cause)
        if found.holds or found.reason in printer_columns.QUIET:
            worse = kafka_diagnostics.verdict(body, conditions) or self._scaler_says(facts)
            if worse is None and (lag := next(c for c in conditions if c.type == scaling_progress.KIND)).holds:
                worse = condition("Ready", False, scaling_progress.KIND, f"{lag.reason}: {lag.message}")
            return worse or found
        return found

    def _follows(self, body: Manifest, memory: _Memory, facts: _Facts) -> Condition:
        """Do the pods follow the decision?"""
        meta, wanted, asked = body["metadata"], facts.decision.wanted, printer_columns.asked_for(facts.live)
        if facts.keda.holds or facts.decision.mode != "Auto" or wanted is None or asked is None:
            memory.gap = Gap()
            return condition(scaling_progress.KIND, False, "NotAuto", "The lag does not decide now.")
        lasts = memory.gap.lasts(time.monotonic(), wanted, asked)
        hpa = None
        if memory.gap.side and lasts > scaling_progress.bound(body["spec"], memory.gap):
            hpa = self._cluster.get("HorizontalPodAutoscaler", meta["namespace"], f"keda-hpa-{meta['name']}")
        return scaling_progress.not_scaling(body["spec"], lasts, memory.gap, wanted, facts.scaled_object, hpa)

    def _shared(self, body: Manifest, memory: _Memory, seen: Seen) -> Condition:
        """Does anybody else name the group, or stand in it?"""
        if seen.group is None:
            return condition("GroupShared", None, "GroupUnseen", "The group's members are not known.")
        others, strangers = self._groups.sharing(body, seen.group), list[str]()
        if seen.group.hosts and not others:
            chosen = text(consumer.selector(body))
            pods = self._cluster.list("Pod", body["metadata"]["namespace"], chosen)
            strangers = kafka_diagnostics.strange(seen.group.hosts, pods)
        # A pod that was killed stays a member until its session ends.
        if not strangers:
            memory.strange_since = None
        elif memory.strange_since is None:
            memory.strange_since = time.monotonic()
        if memory.strange_since is None or time.monotonic() - memory.strange_since < _SESSION:
            strangers = []
        return kafka_diagnostics.group_shared(body["spec"], others, strangers)

    def _scaler_says(self, facts: _Facts) -> Condition | None:
        """What KEDA itself says against the ScaledObject."""
        said = (facts.scaled_object or {}).get("status", {}).get("conditions", [])
        bad = next((entry for entry in said if entry["type"] == "Ready" and entry["status"] == "False"), None)
        return condition("Ready", False, "ScalerFailing", f"KEDA says: {bad.get('message', '')}") if bad else None

    def _tell_scaling(self, body: Manifest, memory: _Memory, shown: Manifest) -> None:
        """An Event each time the number of pods was changed: by which rule."""
        before, after = body.get("status", {}).get("wanted"), shown.get("wanted")
        if after is None or before == after:
            return
        # KEDA has acted on what it saw a moment ago: the newest decision for that number is the reason.
        fitting = [decision.reason for decision in memory.decisions if decision.wanted == after]
        why = fitting[-1] if fitting else f"on the way; now: {memory.decisions[-1].reason}"
        count = printer_columns.pods(after)
        self._reporter.event(body, "Scaled", f"{count} (before: {'none' if before is None else before}): {why}")

    def _tell_what_would_be(self, body: Manifest, decision: Decision, shown: Manifest) -> None:
        """A dry run's Event, each time that it would ask for another number of pods."""
        if decision.mode == rule.DRY and decision.wanted != body.get("status", {}).get("needed"):
            asked = printer_columns.pods(shown["wanted"]) if "wanted" in shown else "none"
            self._reporter.event(body, "WouldScale", f"{decision.reason} (asked for: {asked})")

    def _drain(self, body: Manifest, seen: Seen | None) -> None:
        """Delete the resource as soon as its group has no lag, or the grace is over."""
        spec, group = body["spec"], seen.group if seen else None
        lag = group.lag if group else None
        left = finalizers.seconds_left(body)
        if lag == 0:
            self._reporter.event(body, "Drained", f"Group {spec['group']} has no lag left; the pods go.")
        elif left == 0:
            rest = "an unknown number of" if lag is None else str(lag)
            message = (
                f"The grace is over; {rest} events stay in {spec['topic']} for whoever reads on as {spec['group']}."
            )
            self._reporter.event(body, "DrainTimedOut", message, warning=True)
        else:
            known = "unknown" if lag is None else str(lag)
            text = "The resource is deleted as soon as its group has no lag."
            told = [condition(kind, kind != "Ready", "Draining", text) for kind in ("Ready", finalizers.DRAINING)]
            shown = {**body.get("status", {}), "reason": f"draining: lag {known}, at most {left:.0f} s more"}
            self._reporter.status(body, shown | ({"lag": lag} if lag is not None else {}), told)
            return
        self._cluster.delete(body)


def _trouble(seen: Seen) -> str:
    """Why the group is not seen, as the rule says it."""
    if seen.group is not None:
        return ""
    return kafka_faults.in_words(seen.reason or (kafka_faults.REFUSED if seen.refused else ""))


def _guarded(spec: Manifest) -> bool:
    return bool(spec.get("databaseGuard")) and not scaler.dry(spec) and spec.get("replicas") is None


def _hold(seen: Seen) -> str:
    return "the group's offsets are lost: nothing is read again" if seen.forgotten else ""


def _place(body: Manifest) -> dict[str, str]:
    return {"namespace": body["metadata"]["namespace"], "resource": body["metadata"]["name"]}


def let_in_again(cluster: Cluster, body: Manifest) -> None:
    """Take the NetworkPolicy away that an earlier spec asked for."""
    meta = body["metadata"]
    # Listed, not got: what is not there would be asked for again at each look.
    for live in cluster.list("NetworkPolicy", meta["namespace"], text(consumer.selector(body))):
        if (controller_of(live) or {}).get("uid") == meta["uid"]:
            cluster.delete(live)
