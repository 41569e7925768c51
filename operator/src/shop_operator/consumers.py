"""One look at a ShopConsumer: topic, group, Deployment, ScaledObject, status. Called again and again."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shop_operator import doctor, holding, metrics, scaling, warming
from shop_operator.cluster import Cluster, ClusterError, Manifest, keys_of
from shop_operator.deploying import deploy
from shop_operator.observation import Observation
from shop_operator.reporting import Reporter
from shop_operator.resources import consumer, scaler
from shop_operator.resources.base import reachable, text
from shop_operator.scaling import Decision, Limits, Speed
from shop_operator.status import Condition, complete, condition, rollout
from shop_operator.topics import Kafka, KafkaAway, Kafkas, Layout

log = logging.getLogger(__name__)
KIND = "ShopConsumer"


@dataclass
class _Memory:
    """What is remembered between two looks; all of it can be lost."""

    uid: str
    speed: Speed
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=12))
    unlooked_since: float | None = None


@dataclass(frozen=True)
class _Seen:
    """What Kafka shows; `away` says why it shows nothing."""

    group: Observation | None = None
    away: str = ""


class Consumers:
    """Keeps every ShopConsumer."""

    def __init__(self, cluster: Cluster, kafkas: Kafkas, reporter: Reporter) -> None:
        self._cluster, self._kafkas, self._reporter = cluster, kafkas, reporter
        self._memories: dict[tuple[str, str], _Memory] = {}

    def look(self, namespace: str, name: str) -> bool:
        """Bring one ShopConsumer to what it asks for; False when it is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            metrics.forget(KIND, namespace, name)
            self._memories.pop((namespace, name), None)
            return False
        if "deletionTimestamp" in body["metadata"]:
            self._leave(body)
            return True
        holding.hold(self._cluster, body, wanted=body["spec"]["drainGraceSeconds"] > 0)
        self._keep(body)
        return True

    def _keep(self, body: Manifest) -> None:
        memory = self._memory(body)
        login, refused = self._login(body)
        seen = _Seen(away=refused) if refused else self._ask_kafka(body, login)
        threshold = self._threshold(body, memory)
        keda = self._keda(body, memory)
        extra = warming.extra(body["spec"], datetime.now(UTC))
        limits = self._limits(body, seen.group, threshold, extra)
        trouble = "" if seen.group else ("Kafka is away" if seen.away else "the topic is missing")
        decision = scaling.decide(limits, seen.group, keda=not keda.holds, trouble=trouble)
        memory.decisions.append(decision)
        live, refusal = None, ""
        try:
            live = self._deploy(body, decision, limits.minimum, keda=not keda.holds)
            if self._cluster.serves("ScaledObject"):
                self._scale(body, scaler.scaled_object(body, threshold, _partitions(body, seen.group), extra), login)
        except ClusterError as error:
            refusal = str(error)
            log.warning("apply_refused", extra=_place(body) | {"error": refusal})
        self._report(body, memory, live, _Facts(seen, threshold, keda, decision, refusal))

    def _memory(self, body: Manifest) -> _Memory:
        meta = body["metadata"]
        key = (meta["namespace"], meta["name"])
        if key not in self._memories or self._memories[key].uid != meta["uid"]:
            self._memories[key] = _Memory(meta["uid"], Speed(body.get("status", {}).get("ratePerPod")))
        return self._memories[key]

    def _login(self, body: Manifest) -> tuple[dict[str, str], str]:
        """The Kafka Secret's keys and the certificates that brokers are checked by, and what is wrong with them."""
        kafka, login = body["spec"]["kafka"], dict[str, str]()
        for name, keys in (("secretRef", scaler.LOGIN_KEYS), ("caSecretRef", (scaler.CA_KEY,))):
            if not (reference := kafka.get(name)):
                continue
            secret = self._cluster.get("Secret", body["metadata"]["namespace"], reference["name"])
            if secret is None:
                return {}, f"Secret {reference['name']} (kafka.{name}) does not exist: make it, or correct the name"
            login |= keys_of(secret, keys)
        if trust := login.pop(scaler.CA_KEY, ""):
            login["ca"] = trust
        return login, ""

    def _kafka(self, body: Manifest, login: dict[str, str]) -> Kafka:
        bootstrap = body["spec"]["kafka"]["bootstrapServers"]
        return self._kafkas.at(reachable(bootstrap, body["metadata"]["namespace"]), login)

    def _ask_kafka(self, body: Manifest, login: dict[str, str]) -> _Seen:
        """Make what is missing, then look."""
        spec = body["spec"]
        kafka = self._kafka(body, login)
        try:
            if spec["kafka"]["createTopics"]:
                self._make_topics(body, kafka)
            group = kafka.observe(spec["topic"], spec["group"])
            if group is not None and kafka.begin(spec["topic"], spec["group"], group):
                self._reporter.event(
                    body, "GroupBegun", f"Group {spec['group']} now begins at the start of {spec['topic']}."
                )
                group = kafka.observe(spec["topic"], spec["group"])
            return _Seen(group)
        except KafkaAway as error:
            return _Seen(away=str(error))

    def _make_topics(self, body: Manifest, kafka: Kafka) -> None:
        spec = body["spec"]
        said = spec["kafka"]
        configs = spec.get("topicConfig", {})
        layout = Layout(said["partitions"], said["replicationFactor"], said["minInsyncReplicas"], configs)
        derived = spec.get("derivedTopics", [])
        made = kafka.ensure(spec["topic"], layout, dead_letters=spec["deadLetterTopic"], derived=derived)
        metrics.TOPICS_MADE.inc(len(made))
        again = spec["topic"] in made and "partitions" in body.get("status", {})
        if again:
            message = f"Topic {spec['topic']} was gone and is made again, empty: find out who deleted it."
            self._reporter.event(body, "TopicMadeAgain", message, warning=True)
        elif made:
            self._reporter.event(body, "TopicMade", f"Made {', '.join(made)}.")

    def _threshold(self, body: Manifest, memory: _Memory) -> int:
        spec = body["spec"]
        if "lagThreshold" in spec:
            return int(spec["lagThreshold"])
        previous = body.get("status", {}).get("lagThreshold")
        return scaling.threshold_for(spec["drainWithin"], memory.speed.per_pod, previous)

    def _keda(self, body: Manifest, memory: _Memory) -> Condition:
        served = self._cluster.serves("ScaledObject")
        meta = body["metadata"]
        live = self._cluster.get("ScaledObject", meta["namespace"], meta["name"]) if served else None
        if live is None or live.get("status", {}).get("conditions"):
            memory.unlooked_since = None
        elif memory.unlooked_since is None:
            memory.unlooked_since = time.monotonic()
        age = time.monotonic() - memory.unlooked_since if memory.unlooked_since is not None else 0.0
        return doctor.keda_missing(served, live, age)

    def _limits(self, body: Manifest, group: Observation | None, threshold: int, extra: int) -> Limits:
        """What the spec allows, the minimum as a warm-up has raised it."""
        spec = body["spec"]
        least, _ = scaler.bounds(spec, _partitions(body, group), extra)
        warm = ""
        if least > spec["minReplicas"]:
            warm = f" ({least - spec['minReplicas']} for {spec['warmUp'].get('campaign', 'a warm-up')})"
        return Limits(max(least, spec["minReplicas"]), spec["maxReplicas"], spec.get("replicas"), threshold, warm)

    def _deploy(self, body: Manifest, decision: Decision, least: int, *, keda: bool) -> Manifest:
        wanted = consumer.deployment(body)
        first = max(1, least) if decision.wanted is None else decision.wanted
        live, repaired = deploy(self._cluster, wanted, first=first, fixed=None if keda else first)
        self._told_repair(body, live, repaired)
        return live

    def _scale(self, body: Manifest, ordered: Manifest, login: dict[str, str]) -> None:
        for wanted in (scaler.trigger_authentication(body, sorted(login)), ordered):
            if wanted is not None:
                live, repaired = self._cluster.keep(wanted)
                self._told_repair(body, live, repaired)

    def _told_repair(self, body: Manifest, live: Manifest, repaired: bool) -> None:
        if repaired:
            what = f"{live['kind']} {live['metadata']['name']}"
            self._reporter.event(
                body, "Repaired", f"{what} had been changed or deleted by hand and is as it should be again."
            )

    def _report(self, body: Manifest, memory: _Memory, live: Manifest | None, facts: _Facts) -> None:
        meta, spec, group = body["metadata"], body["spec"], facts.seen.group
        have = (live or {}).get("status", {})
        if group is not None:
            memory.speed.observe(time.monotonic(), group, have.get("readyReplicas", 0))
        missing = doctor.topic_missing(spec, group, facts.seen.away)
        conditions = [
            self._ready(body, live, facts.refusal, missing),
            facts.keda,
            missing,
            *doctor.examine(spec, group, facts.threshold),
        ]
        columns = _columns(body, memory, live, facts)
        self._tell_scaling(body, memory, columns)
        self._reporter.status(body, columns, conditions)
        place = (meta["namespace"], meta["name"])
        metrics.LAG.labels(*place).set(columns.get("lag", 0))
        metrics.REPLICAS.labels(*place).set(columns["replicas"])
        metrics.WANTED.labels(*place).set(
            columns["replicas"] if facts.decision.wanted is None else facts.decision.wanted
        )

    def _ready(self, body: Manifest, live: Manifest | None, refusal: str, missing: Condition) -> Condition:
        if refusal:
            return condition("Ready", False, "Refused", refusal)
        chosen = text(consumer.selector(body))
        pods = [] if complete(live) else self._cluster.list("Pod", body["metadata"]["namespace"], chosen)
        found = rollout(live, pods)
        return (doctor.unseen(body, missing) or self._scaler_works(body) or found) if found.holds else found

    def _scaler_works(self, body: Manifest) -> Condition | None:
        """What KEDA itself says against the ScaledObject."""
        meta = body["metadata"]
        live = self._cluster.get("ScaledObject", meta["namespace"], meta["name"])
        said = (live or {}).get("status", {}).get("conditions", [])
        bad = next((entry for entry in said if entry["type"] == "Ready" and entry["status"] == "False"), None)
        return condition("Ready", False, "ScalerFailing", f"KEDA says: {bad.get('message', '')}") if bad else None

    def _tell_scaling(self, body: Manifest, memory: _Memory, columns: Manifest) -> None:
        """An Event each time the number of pods was changed: by which rule."""
        before, after = body.get("status", {}).get("wanted"), columns.get("wanted")
        if after is None or before == after:
            return
        # KEDA has acted on what it saw a moment ago: the newest decision for that number is the reason.
        fitting = [decision.reason for decision in memory.decisions if decision.wanted == after]
        why = fitting[-1] if fitting else f"on the way; now: {memory.decisions[-1].reason}"
        self._reporter.event(body, "Scaled", f"{_pods(after)} (before: {'none' if before is None else before}): {why}")

    def _leave(self, body: Manifest) -> None:
        """Deletion waits until the group has no lag, or the grace is over."""
        if not holding.held(body):
            return
        meta, spec = body["metadata"], body["spec"]
        login, refused = self._login(body)
        lag: int | None = None
        if not refused:
            try:
                group = self._kafka(body, login).observe(spec["topic"], spec["group"])
                lag = group.lag if group else 0
            except KafkaAway as error:
                log.warning("drain_unseen", extra=_place(body) | {"error": str(error)})
        left = 0.0 if self._cluster.leaving(meta["namespace"]) else holding.seconds_left(body)
        if lag == 0:
            self._reporter.event(body, "Drained", f"Group {spec['group']} has no lag left; the pods go.")
        elif left == 0:
            rest = "an unknown number of" if lag is None else str(lag)
            message = (
                f"The grace is over; {rest} events stay in {spec['topic']} for whoever reads on as {spec['group']}."
            )
            self._reporter.event(body, "DrainGraceOver", message, warning=True)
        else:
            known = "unknown" if lag is None else str(lag)
            self._reporter.status(
                body,
                {**body.get("status", {}), "reason": f"draining: lag {known}, at most {left:.0f} s more"},
                [condition("Ready", False, "Draining", "The resource is deleted as soon as its group has no lag.")],
            )
            return
        holding.hold(self._cluster, body, wanted=False)


@dataclass(frozen=True)
class _Facts:
    """What one look has found."""

    seen: _Seen
    threshold: int
    keda: Condition
    decision: Decision
    refusal: str


def _partitions(body: Manifest, group: Observation | None) -> int | None:
    """As they are seen, or as they were last; None while they never were."""
    known: int | None = len(group.partitions) if group else body.get("status", {}).get("partitions")
    return known


def _columns(body: Manifest, memory: _Memory, live: Manifest | None, facts: _Facts) -> Manifest:
    have, group, decision = (live or {}).get("status", {}), facts.seen.group, facts.decision
    asked = live["spec"].get("replicas") if live else None
    reason = decision.reason
    if asked is not None and decision.mode == "Auto" and decision.wanted is not None and asked > decision.wanted:
        reason += ", after the cooldown"
    columns: Manifest = {
        "replicas": have.get("replicas", 0),
        "readyReplicas": have.get("readyReplicas", 0),
        "selector": text(consumer.selector(body)),
        "lagThreshold": facts.threshold,
        "drain": "-",
        "mode": decision.mode,
        "reason": reason,
    }
    if asked is not None:
        columns["wanted"] = asked
    if memory.speed.per_pod is not None:
        columns["ratePerPod"] = float(f"{memory.speed.per_pod:.2g}")
    if group is not None:
        columns |= {"lag": group.lag, "partitions": len(group.partitions), "drain": memory.speed.drain(group.lag)}
    elif "partitions" in body.get("status", {}):
        columns["partitions"] = body["status"]["partitions"]
    return columns


def _place(body: Manifest) -> dict[str, str]:
    return {"namespace": body["metadata"]["namespace"], "resource": body["metadata"]["name"]}


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"
