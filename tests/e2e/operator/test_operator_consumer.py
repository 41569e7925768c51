"""A ShopConsumer on a real cluster: topics, scaling on lag by KEDA, pins, the doctor, repair, drain."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from shop_cluster.commands import ClusterError

if TYPE_CHECKING:
    from tests.e2e.operator.conftest import Stage

Until = Callable[..., None]


def patch(stage: Stage, name: str, spec: dict[str, Any]) -> None:
    stage.kubectl("patch", "shopconsumer", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def ready(stage: Stage, name: str) -> bool:
    fresh = stage.there("shopconsumer", name)
    known = fresh.get("status", {}).get("observedGeneration") == fresh["metadata"]["generation"]
    return bool(known and stage.condition(name, "Ready").get("status") == "True")


def test_the_topic_its_dead_letters_and_the_groups_start_are_made(stage: Stage, until: Until) -> None:
    kept = {"topicConfig": {"retention.ms": "-1"}, "derivedTopics": ["begins-derived"]}
    name = stage.make("begins", kafka={"bootstrapServers": stage.bootstrap, "partitions": 3}, **kept)
    until(lambda: ready(stage, name), "the consumer is ready")
    assert stage.topics.partitions("begins-topic") == 3 and stage.topics.partitions("begins-topic.dlq") == 1
    assert stage.topics.partitions("begins-derived") == 3
    assert stage.topics.config("begins-topic", "retention.ms") == "-1"
    assert stage.topics.config("begins-derived", "retention.ms") != "-1"
    assert stage.topics.committed("begins-topic", "begins-group") == [0, 0, 0]
    assert {"TopicCreated", "OffsetsInitialized"} <= {reason for reason, _ in stage.events(name)}


def test_lag_wakes_from_zero_grows_to_what_it_needs_and_ends_at_zero(stage: Stage, until: Until) -> None:
    name = stage.make("wakes")
    until(lambda: ready(stage, name), "the consumer is ready")
    until(lambda: stage.replicas(name) == 0, "it sleeps")
    stage.topics.produce("wakes-topic", 45)
    until(lambda: stage.replicas(name) == 5, "five pods for a lag of 45 by 10", 90)
    until(lambda: stage.status(name).get("reason") == "lag 45 / 10 a pod = 5", "the rule is told")
    row = stage.kubectl("get", "shopconsumer", name).splitlines()
    assert row[0].split() == ["NAME", "READY", "REPLICAS", "MAX", "LAG", "DELAY", "DRAIN", "MODE", "REASON", "AGE"]
    assert re.match(r"wakes\s+\w+\s+[1-5]\s+6\s+45\s+\S+\s+\S+\s+Auto\s+lag 45 / 10 a pod = 5\s+\S+$", row[1]), row[1]
    until(lambda: any(r == "Scaled" and m.startswith("5 pods") for r, m in stage.events(name)), "an Event says why")
    stage.topics.produce("wakes-topic", 600)
    until(lambda: stage.replicas(name) == 6, "one pod a partition at most", 90)
    stage.topics.consume("wakes-topic", "wakes-group")
    until(lambda: stage.replicas(name) == 0, "no lag, no pods", 120)
    until(lambda: stage.status(name).get("reason") == "no lag: minReplicas 0", "and it says so")


def test_kubectl_scale_pins_and_taking_replicas_away_unpins(stage: Stage, until: Until) -> None:
    name = stage.make("pinned", minReplicas=1)
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.kubectl("scale", f"shopconsumer/{name}", "--replicas=3")
    until(lambda: stage.replicas(name) == 3, "three pods", 60)
    until(lambda: stage.status(name)["mode"] == "Pinned", "the mode says so")
    annotations = stage.there("scaledobject", name)["metadata"]["annotations"]
    assert annotations["autoscaling.keda.sh/paused-replicas"] == "3"
    until(lambda: stage.status(name)["replicas"] == 3, "the scale subresource tells them")
    scale = json.loads(stage.kubectl("get", "shopconsumer", name, "--subresource=scale", "-o", "json"))
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (3, 3)
    assert len(stage.kubectl("get", "pods", "-l", scale["status"]["selector"], "-o", "name").split()) == 3
    patch(stage, name, {"replicas": None})
    until(lambda: stage.replicas(name) == 1, "the lag decides again", 120)
    until(lambda: stage.status(name)["mode"] == "Auto", "the mode says so")


def test_more_pods_than_partitions_are_reported_with_the_fix(stage: Stage, until: Until) -> None:
    name = stage.make("bound", maxReplicas=9)
    until(lambda: stage.condition(name, "PartitionBound").get("status") == "True", "PartitionBound")
    assert "set spec.maxReplicas to 6" in stage.condition(name, "PartitionBound")["message"]
    assert stage.there("scaledobject", name)["spec"]["maxReplicaCount"] == 6
    patch(stage, name, {"maxReplicas": 6})
    until(lambda: stage.condition(name, "PartitionBound").get("status") == "False", "the fix helps")
    until(lambda: "PartitionBoundResolved" in dict(stage.events(name)), "an Event says so")


def test_one_partition_with_all_the_lag_is_reported(stage: Stage, until: Until) -> None:
    name = stage.make("hot")
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.topics.produce("hot-topic", 100, partitions=1)
    until(lambda: stage.condition(name, "HotPartition").get("status") == "True", "HotPartition")
    until(lambda: stage.replicas(name) == 1, "one pod for one partition with lag", 60)
    until(lambda: "1 of 6 partitions have lag" in stage.status(name)["reason"], "the rule is told")
    stage.topics.consume("hot-topic", "hot-group")


def test_a_reset_policy_that_differs_from_kedas_is_reported(stage: Stage, until: Until) -> None:
    name = stage.make("late", env=[{"name": "KAFKA_AUTO_OFFSET_RESET", "value": "latest"}])
    until(lambda: stage.condition(name, "OffsetPolicyMismatch").get("status") == "True", "OffsetPolicyMismatch")


def test_a_topic_that_may_not_be_made_is_reported(stage: Stage, until: Until) -> None:
    kafka = {"bootstrapServers": stage.bootstrap, "createTopics": False}
    name = stage.make("absent", kafka=kafka)
    until(lambda: stage.condition(name, "TopicMissing").get("status") == "True", "TopicMissing")
    assert "--create --topic absent-topic" in stage.condition(name, "TopicMissing")["message"]
    assert stage.status(name)["mode"] == "Waiting"
    patch(stage, name, {"kafka": {"createTopics": True}})
    until(lambda: stage.condition(name, "TopicMissing").get("status") == "False", "the fix helps")


def test_drain_within_derives_the_threshold_from_the_speed_that_is_measured(stage: Stage, until: Until) -> None:
    name = stage.make("drains", lagThreshold=None, drainWithin="30s", minReplicas=1)
    until(lambda: stage.status(name).get("lagThreshold") == 3000, "before it is measured: 100 events a second and pod")
    stage.topics.produce("drains-topic", 6000)
    until(lambda: stage.status(name).get("lag") == 6000, "the lag is seen")
    for part in range(1, 12):
        stage.topics.consume("drains-topic", "drains-group", part / 12)
        until(lambda part=part: stage.status(name)["lag"] <= 6000 * (1 - part / 12) + 6, "the lag shrinks")
    until(lambda: stage.status(name).get("ratePerPod"), "the speed of a pod is known")
    status = stage.status(name)
    assert status["lagThreshold"] != 3000, status
    trigger = stage.there("scaledobject", name)["spec"]["triggers"][0]["metadata"]
    assert trigger["lagThreshold"] == str(stage.status(name)["lagThreshold"])
    stage.topics.consume("drains-topic", "drains-group")


def test_what_a_hand_changed_is_put_right(stage: Stage, until: Until) -> None:
    name = stage.make("edited", minReplicas=1, env=[{"name": "A", "value": "1"}])
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.kubectl("set", "env", f"deployment/{name}", "A=2", "B=3")
    stage.kubectl("set", "image", f"deployment/{name}", "consumer=registry.invalid/other:1")

    def container() -> Any:
        return stage.there("deployment", name)["spec"]["template"]["spec"]["containers"][0]

    until(lambda: container().get("env") == [{"name": "A", "value": "1"}], "the environment", 30)
    until(lambda: container()["image"].endswith(f"kafka:{version('shopctl')}"), "the image", 30)
    until(stage.replaced("scaledobject", name), "the ScaledObject", 30)
    until(stage.replaced("deployment", name, "--cascade=foreground"), "the Deployment", 60)
    repaired = {message.split()[0] for reason, message in stage.events(name) if reason == "Repaired"}
    assert {"Deployment", "ScaledObject"} <= repaired


def test_a_restart_by_kubectl_is_no_drift(stage: Stage, until: Until) -> None:
    name = stage.make("restarted", minReplicas=1)
    until(lambda: ready(stage, name), "the consumer is ready")
    before = stage.status(name)
    stage.kubectl("rollout", "restart", f"deployment/{name}")
    stage.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
    until(lambda: ready(stage, name), "the consumer is ready again")
    annotations = stage.there("deployment", name)["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations and before["replicas"] == 1


def test_a_deployment_of_somebody_else_is_left_alone(stage: Stage, until: Until) -> None:
    stage.kubectl("create", "deployment", "foreign", f"--image={'registry.invalid/x:1'}", "--replicas=0")
    name = stage.make("foreign")
    until(lambda: stage.condition(name, "Ready").get("reason") == "Refused", "it is refused")
    assert "was not made by the operator" in stage.condition(name, "Ready")["message"]
    assert (
        stage.there("deployment", "foreign")["spec"]["template"]["spec"]["containers"][0]["image"]
        == "registry.invalid/x:1"
    )
    stage.kubectl("delete", "deployment", "foreign")
    until(lambda: stage.get("deployment", name), "the name is free")


def test_a_drain_waits_for_the_lag_or_for_the_grace(stage: Stage, until: Until) -> None:
    for name, grace in (("leaves", 90), ("gives-up", 3)):
        stage.make(name, minReplicas=1, drainGraceSeconds=grace)
        until(lambda name=name: ready(stage, name), "the consumer is ready")
        stage.topics.produce(f"{name}-topic", 20)
        until(lambda name=name: stage.status(name).get("lag") == 20, "the lag is seen")
        stage.kubectl("annotate", "shopconsumer", name, "scalable-shop.dev/drain=true")
    until(lambda: "draining" in stage.status("leaves").get("reason", ""), "it drains")
    until(lambda: stage.get("shopconsumer", "gives-up") is None, "the grace is over", 30)
    assert stage.replicas("leaves") >= 1, "the pods work while it drains"
    stage.topics.consume("leaves-topic", "leaves-group")
    until(lambda: stage.get("shopconsumer", "leaves") is None, "no lag is left", 30)
    until(lambda: stage.get("deployment", "leaves") is None, "Kubernetes collects the rest", 60)
    assert "DrainTimedOut" in dict(stage.events("gives-up")) and "Drained" in dict(stage.events("leaves"))


def test_a_deletion_waits_for_nobody(stage: Stage, until: Until) -> None:
    name = stage.make("deleted", minReplicas=1, drainGraceSeconds=3600)
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.topics.produce(f"{name}-topic", 20)
    until(lambda: stage.status(name).get("lag") == 20, "the lag is seen")
    stage.kubectl("delete", "shopconsumer", name, "--timeout=20s")
    until(lambda: stage.get("deployment", name) is None, "Kubernetes collects the rest", 60)


def test_a_group_that_kafka_forgot_goes_on_where_it_stood(stage: Stage, until: Until) -> None:
    name = stage.make("sleeper")
    topic, group = f"{name}-topic", f"{name}-group"
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.topics.produce(topic, 60)
    stage.topics.consume(topic, group)
    until(lambda: stage.status(name).get("committed") == [10] * 6, "the offsets are known")
    until(lambda: stage.replicas(name) == 0, "it sleeps", 120)
    stage.topics.admin.delete_groups([group])
    until(lambda: stage.topics.committed(topic, group) == [10] * 6, "they are put back", 30)
    assert "OffsetsRestored" in dict(stage.events(name)) and stage.replicas(name) == 0
    stage.topics.produce(topic, 6)
    until(lambda: stage.status(name).get("lag") == 6, "only what is new is lag")
    stage.topics.consume(topic, group)


def test_a_pause_of_keda_is_told(stage: Stage, until: Until) -> None:
    name = stage.make("paused")
    until(lambda: ready(stage, name), "the consumer is ready")
    stage.kubectl("annotate", "scaledobject", name, "autoscaling.keda.sh/paused=true")
    until(lambda: stage.condition(name, "NotScaling").get("reason") == "Paused", "NotScaling", 30)
    until(lambda: stage.condition(name, "Ready")["status"] == "False", "and it is not ready", 10)
    stage.kubectl("annotate", "scaledobject", name, "autoscaling.keda.sh/paused-")
    until(lambda: stage.condition(name, "NotScaling").get("status") == "False", "the fix helps", 30)


@pytest.mark.parametrize(
    ("name", "spec", "words"),
    [
        ("refused-copies", {"kafka": {"replicationFactor": 3}}, ("refused-copies-topic", "kafka.replicationFactor")),
        ("refused-config", {"topicConfig": {"retention.msx": "1"}}, ("topicConfig", "retention.msx")),
        ("no-login", {"kafka": {"secretRef": {"name": "nosuch"}}}, ("Secret nosuch", "kafka.secretRef")),
        ("no-kafka", {"kafka": {"bootstrapServers": "nosuch.invalid:9092"}}, ("nosuch.invalid:9092", "DNS")),
        ("no-secret", {"secrets": [{"name": "nosuch", "mountPath": "/etc/x"}], "minReplicas": 1}, ("Secret nosuch",)),
        ("exits", {"command": ["sh", "-c", "exit 7"], "minReplicas": 1}, ("exit code 7",)),
        (
            "unready",
            {"probes": {"port": 8090, "readiness": "/readyz"}, "minReplicas": 1},
            ("Readiness probe failed",),
        ),
    ],
)
def test_the_reason_names_object_and_cause(
    stage: Stage, until: Until, name: str, spec: dict[str, Any], words: tuple[str, ...]
) -> None:
    kafka = {"bootstrapServers": stage.bootstrap, "partitions": 6} | spec.get("kafka", {})
    stage.make(name, **{**spec, "kafka": kafka})
    until(lambda: all(word in stage.status(name).get("reason", "") for word in words), f"REASON names {words}", 60)
    assert stage.condition(name, "Ready")["status"] == "False"
    stage.kubectl("delete", "shopconsumer", name)


def test_the_operators_death_stops_no_consumer_and_no_scaling(stage: Stage, until: Until) -> None:
    name = stage.make("survives", minReplicas=1)
    until(lambda: ready(stage, name), "the consumer is ready")
    (first,) = [operator for operator in stage.operators if operator.process]
    second = stage.operator("two").start()
    first.end(signal.SIGKILL)
    stage.topics.produce("survives-topic", 35)
    until(lambda: stage.replicas(name) == 4, "KEDA scales without it", 90)
    until(lambda: second.lines("leading"), "the other one takes the Lease over", 30)
    until(lambda: stage.status(name).get("lag") == 35, "and looks")
    first.start()
    stage.topics.consume("survives-topic", "survives-group")
    until(lambda: len(first.lines("started")) == 2, "the first one is back")
    assert len(first.lines("leading")) == 1, "and stands by"
    second.end()
    until(lambda: len(first.lines("leading")) == 2, "a clean stop gives the Lease back at once", 4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"drainWithin": "30s"}, "Set exactly one of lagThreshold"),
        ({"lagThreshold": None}, "Set exactly one of lagThreshold"),
        ({"lagThreshold": None, "drainWithin": "soon"}, "drainWithin must be a whole number with s, m or h"),
        ({"minReplicas": 7}, "minReplicas is above maxReplicas; lower minReplicas"),
        ({"kafka": {"bootstrapServers": "kafka"}}, "bootstrapServers must be host:port"),
        ({"topic": "a b"}, "topic may have letters, digits"),
        ({"topic": "orders.dlq"}, "set deadLetterTopic to false"),
        ({"maxReplica": 3}, "maxReplica"),
        ({"kafka": {"bootstrapServers": "kafka:9092", "partition": 3}}, "partition"),
        (
            {"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
            "has both value and valueFrom",
        ),
        (
            {"kafka": {"bootstrapServers": "k:1", "minInsyncReplicas": 2}},
            "no write could ever be acknowledged; lower it",
        ),
    ],
)
def test_the_api_server_refuses_with_a_sentence(stage: Stage, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(sentence)):
        stage.make("refused", **change)
    assert stage.get("shopconsumer", "refused") is None


def test_a_name_that_is_too_long_is_refused(stage: Stage) -> None:
    with pytest.raises(ClusterError, match="choose a shorter name"):
        stage.make("n" * 53)
