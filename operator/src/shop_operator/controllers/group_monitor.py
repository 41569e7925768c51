"""Asks Kafka about each ShopConsumer, in threads of its own: a Kafka that is away holds up no look, whoever's it is.

One question makes the topics that are missing, sees the group, and gives it the offsets that it lacks. The look at the
resource works with the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.adapters.kafka import Kafka, Layout
from shop_operator.adapters.kafka_pool import Kafkas
from shop_operator.controllers.loops import Troubled
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import kafka_faults, offsets
from shop_operator.decisions.kafka_faults import KafkaTrouble
from shop_operator.desired import kafka_login as logins
from shop_operator.desired.base import reachable
from shop_operator.desired.kafka_login import BadSecret, Login
from shop_runtime.scaling.group_state import Observation

KIND = "ShopConsumer"
_FRESH_SECONDS = 300.0
Wake = Callable[[str, str, str], None]


@dataclass(frozen=True)
class Seen:
    """What Kafka showed of a consumer as its spec was at `generation`, or why it showed nothing (`reason`, `trouble`).

    `refused` are topics that could not be made, with the broker's words; `forgotten` says why a group has no offsets.
    """

    generation: int
    at: float = 0.0
    group: Observation | None = None
    reason: str = ""
    trouble: str = ""
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    forgotten: str = ""
    keys: tuple[str, ...] = ()  # of the login; what KEDA is handed on
    named: str = ""  # the group, by its name


class Groups:
    """The last answer about each ShopConsumer."""

    def __init__(self, cluster: Cluster, kafkas: Kafkas, reporter: Reporter, wake: Wake) -> None:
        self._cluster, self._kafkas, self._reporter, self._wake = cluster, kafkas, reporter, wake
        self._told: dict[tuple[str, str], Seen] = {}
        self._topics: dict[tuple[str, str], str] = {}

    def latest(self, body: Manifest) -> Seen | None:
        """The answer for the spec as it is now; None before there is one."""
        meta = body["metadata"]
        found = self._told.get((meta["namespace"], meta["name"]))
        return found if found is not None and found.generation == meta["generation"] else None

    def sharing(self, body: Manifest, mine: Observation) -> list[str]:
        """Other ShopConsumers that name the same group on the same Kafka, by whatever address."""
        meta, found = body["metadata"], list[str]()
        for (namespace, name), seen in list(self._told.items()):
            if (namespace, name) == (meta["namespace"], meta["name"]) or seen.group is None:
                continue
            # An answer that is old is of one that nobody can ask about any more.
            fresh = time.monotonic() - seen.at < _FRESH_SECONDS
            if fresh and (seen.named, seen.group.cluster_id) == (body["spec"]["group"], mine.cluster_id):
                found.append(name if namespace == meta["namespace"] else f"{namespace}/{name}")
        return sorted(found)

    def ask(self, namespace: str, name: str) -> bool:
        """One question; False when the resource is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            self._told.pop((namespace, name), None)
            self._topics.pop((namespace, name), None)
            self._kafkas.release((namespace, name))
            return False
        seen = self._asked(body)
        self._told[namespace, name] = seen
        self._wake(KIND, namespace, name)
        if seen.reason == kafka_faults.AWAY:
            raise Troubled(seen.trouble)
        return True

    def _asked(self, body: Manifest) -> Seen:
        meta, kafka = body["metadata"], body["spec"]["kafka"]
        generation, owner = meta["generation"], (meta["namespace"], meta["name"])
        try:
            known_by = logins.read(kafka, lambda secret: self._secret(meta["namespace"], secret))
            at = self._kafkas.at(owner, reachable(kafka["bootstrapServers"], meta["namespace"]), known_by)
            return self._seen(body, at, known_by)
        except BadSecret as error:
            return Seen(generation, time.monotonic(), reason=kafka_faults.BAD_SECRET, trouble=f"{error}.")
        except KafkaTrouble as error:
            return Seen(generation, time.monotonic(), reason=error.reason, trouble=str(error))

    def _secret(self, namespace: str, name: str) -> Manifest | None:
        try:
            return self._cluster.get("Secret", namespace, name)
        except ClusterError as error:
            raise BadSecret(f"Secret {name} cannot be read: {error}") from error

    def _seen(self, body: Manifest, kafka: Kafka, known_by: Login) -> Seen:
        spec, generation = body["spec"], body["metadata"]["generation"]
        refused = self._make_topics(body, kafka) if spec["kafka"]["createTopics"] else {}
        group, forgotten = kafka.observe(spec["topic"], spec["group"]), ""
        if group is not None:
            self._tell_anew(body, group)
            group, forgotten = self._settle(body, kafka, group)
        keys = tuple(sorted(known_by.values))
        said = {"refused": refused, "forgotten": forgotten, "keys": keys, "named": spec["group"]}
        return Seen(generation, time.monotonic(), group, **said)

    def _make_topics(self, body: Manifest, kafka: Kafka) -> Mapping[str, tuple[str, str]]:
        spec, said = body["spec"], body["spec"]["kafka"]
        configs = spec.get("topicConfig", {})
        layout = Layout(said["partitions"], said["replicationFactor"], said["minInsyncReplicas"], configs)
        derived = spec.get("derivedTopics", [])
        made = kafka.ensure(spec["topic"], layout, dead_letters=spec["deadLetterTopic"], derived=derived)
        metrics.TOPICS_MADE.inc(len(made.topics))
        again = spec["topic"] in made.topics and "partitions" in body.get("status", {})
        if again:
            message = f"Topic {spec['topic']} was gone and is made again, empty: find out who deleted it."
            self._reporter.event(body, "TopicRecreated", message, warning=True)
        elif made.topics:
            self._reporter.event(body, "TopicCreated", f"Made {', '.join(made.topics)}.")
        return made.refused

    def _tell_anew(self, body: Manifest, group: Observation) -> None:
        """Somebody has deleted the topic and made it anew between two looks: by its id."""
        before, owner = (
            body.get("status", {}).get("topicId", ""),
            (body["metadata"]["namespace"], body["metadata"]["name"]),
        )
        known, self._topics[owner] = self._topics.get(owner, before), group.topic_id
        if known and known != group.topic_id:
            text = (
                f"Topic {body['spec']['topic']} is another one than before: it was deleted and made anew, without its"
            )
            self._reporter.event(body, "TopicReplaced", f"{text} events. Find out who did it.", warning=True)

    def _settle(self, body: Manifest, kafka: Kafka, group: Observation) -> tuple[Observation, str]:
        """Give the group the offsets that it lacks; the group as it is then, and why that could not be done."""
        spec, before = body["spec"], offsets.known(body.get("status", {}))
        latest = spec.get("offsetResetPolicy") == "latest"
        plan = offsets.plan(group, before, latest=latest)
        if plan is None:
            return group, ""
        if group.members:
            lost = f"{group.members} members are in it and begin where their own reset policy says"
            return group, lost if plan.kind == offsets.RESTORE else ""
        # Seen twice, as what is committed now is never taken back.
        again = kafka.observe(spec["topic"], spec["group"])
        if again is None or again.members or offsets.plan(again, before, latest=latest) != plan:
            return again or group, ""
        if refusal := kafka.commit(spec["topic"], spec["group"], plan.commits):
            return again, f"its offsets could not be written: {refusal}"
        self._tell_settled(body, plan, "end" if latest else "start")
        return kafka.observe(spec["topic"], spec["group"]) or again, ""

    def _tell_settled(self, body: Manifest, plan: offsets.Plan, begin: str) -> None:
        group, topic = body["spec"]["group"], body["spec"]["topic"]
        if plan.kind == offsets.RESTORE:
            text = (
                f"Kafka had forgotten the offsets of group {group} (offsets.retention.minutes after its last member"
                f" left); they are put back to where it stood, in {len(plan.commits)} partitions of {topic}."
            )
            self._reporter.event(body, "OffsetsRestored", text, warning=True)
        elif plan.kind == offsets.GROW:
            parts = ", ".join(map(str, sorted(plan.commits)))
            self._reporter.event(
                body, "OffsetsInitialized", f"Group {group} begins at the start of partitions {parts} of {topic}."
            )
        else:
            self._reporter.event(body, "OffsetsInitialized", f"Group {group} now begins at the {begin} of {topic}.")
