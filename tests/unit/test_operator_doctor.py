"""The partition doctor and the conditions: each that holds says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.decisions import diagnostics
from shop_operator.decisions.conditions import changed, complete, condition, listed, rollout
from shop_operator.decisions.pod_failures import first_trouble, unready
from shop_runtime.scaling.group_state import Observation, Partition

Make = Callable[..., dict[str, Any]]


def lags(*numbers: int) -> Observation:
    return Observation(tuple(Partition(n, 0, 100 + lag, 100) for n, lag in enumerate(numbers)), 1)


def test_more_pods_than_partitions(consumer: Make) -> None:
    spec = consumer(maxReplicas=20)["spec"]
    found = diagnostics.partition_bound(spec, lags(0, 0, 0, 0))
    assert found.holds and found.reason == "MaxAbovePartitions"
    assert "set spec.maxReplicas to 4" in found.message and "--alter --topic orders --partitions 20" in found.message
    pinned = diagnostics.partition_bound(consumer(maxReplicas=4, replicas=6)["spec"], lags(0, 0, 0, 0))
    assert pinned.reason == "PinnedAbovePartitions" and "kubectl scale --replicas=4" in pinned.message
    assert not diagnostics.partition_bound(consumer(maxReplicas=4)["spec"], lags(0, 0, 0, 0)).holds


def test_one_partition_with_most_of_the_lag(consumer: Make) -> None:
    spec = consumer()["spec"]
    assert diagnostics.hot_partition(spec, lags(5000, 10, 0, 20), 100).holds
    assert "Partition 0" in diagnostics.hot_partition(spec, lags(5000, 10, 0, 20), 100).message
    assert not diagnostics.hot_partition(spec, lags(150, 0, 0, 0), 100).holds, "one pod's worth is no trouble"
    assert not diagnostics.hot_partition(spec, lags(500, 480, 510, 499), 100).holds
    assert not diagnostics.hot_partition(spec, lags(900, 10), 100).holds, "of two partitions one always has most"


@pytest.mark.parametrize(
    "changes",
    [
        {"env": [{"name": "KAFKA_AUTO_OFFSET_RESET", "value": "latest"}]},
        {"env": [{"name": "SPRING_KAFKA_CONSUMER_AUTO-OFFSET-RESET", "value": "Latest"}]},
        {"args": ["--auto-offset-reset=latest"]},
        {"command": ["run", "-X", "auto.offset.reset", "latest"]},
    ],
)
def test_a_consumer_that_starts_at_the_end(changes: dict[str, Any], consumer: Make) -> None:
    found = diagnostics.offset_policy(consumer(**changes)["spec"], lags(0))
    assert found.holds and found.reason == "ConsumerStartsLatest" and "earliest" in found.message


def test_offsets_that_retention_has_passed(consumer: Make) -> None:
    found = diagnostics.offset_policy(consumer()["spec"], Observation((Partition(0, 50, 90, 10),), 1))
    assert found.holds and found.reason == "OffsetsBeforeLog" and "retention.ms" in found.message
    spec = consumer(env=[{"name": "AUTO_OFFSET_RESET", "value": "earliest"}])["spec"]
    assert not diagnostics.offset_policy(spec, lags(3)).holds


def test_keda_absent_asleep_and_at_work() -> None:
    absent = diagnostics.keda_missing(False, None, 0)
    assert absent.holds and absent.reason == "NotInstalled" and "helm install keda" in absent.message
    assert diagnostics.keda_missing(True, {"status": {}}, 61).reason == "NotRunning"
    assert not diagnostics.keda_missing(True, {"status": {}}, 5).holds
    assert not diagnostics.keda_missing(True, {"status": {"conditions": [{"type": "Ready"}]}}, 600).holds


def deployment(asked: int, **have: Any) -> dict[str, Any]:
    return {"metadata": {"name": "d", "generation": 2}, "spec": {"replicas": asked}, "status": have}


def test_ready_means_pods_of_the_newest_template() -> None:
    fine = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    assert rollout(deployment(2, **fine), []).holds
    assert rollout(deployment(0, observedGeneration=2), []).reason == "ScaledToZero"
    assert not rollout(None, []).holds
    for stale in ({"observedGeneration": 1}, {"updatedReplicas": 1}, {"readyReplicas": 0}, {"replicas": 3}):
        assert not rollout(deployment(2, **(fine | stale)), []).holds, stale


def pod(**container: Any) -> dict[str, Any]:
    limits = {"resources": {"limits": {"memory": "64Mi"}}}
    return {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n", "containers": [{"name": "c"} | limits]},
        "status": {"containerStatuses": [{"name": "c", "ready": False} | container]},
    }


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}, "waits: ImagePullBackOff"),
        (
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            },
            "OOMKilled): it needs more memory than its limit 64Mi",
        ),
        (
            {
                "state": {"running": {}},
                "lastState": {"terminated": {"exitCode": 7, "reason": "Error", "message": "a\nb"}},
            },
            "ended with exit code 7 (Error): b (kubectl logs p --previous)",
        ),
        ({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}, ""),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, ""),
        ({"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 7}}, "ready": True}, ""),
    ],
)
def test_why_a_container_does_not_run(container: dict[str, Any], words: str) -> None:
    found = first_trouble([pod(**container)])
    assert words in found and bool(found) is bool(words)
    assert "40s" not in found, "a message that changes at each look is no news"


def test_evicted_and_leaving_pods() -> None:
    evicted = {"metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "disk"}}
    assert first_trouble([evicted]) == "Pod p failed: Evicted: disk."
    leaving = pod(state={"waiting": {"reason": "CrashLoopBackOff"}})
    leaving["metadata"]["deletionTimestamp"] = "now"
    assert first_trouble([leaving]) == "" and unready([leaving]) == [] and len(unready([pod()])) == 1


def test_a_rollout_that_hangs_is_told_apart_from_one_that_goes_on() -> None:
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    assert rollout(deployment(1, observedGeneration=2), []).reason == "RollingOut"
    found = rollout(deployment(1, observedGeneration=2, conditions=[stuck]), [])
    assert found.reason == "RolloutHangs" and "timed out" in found.message
    assert rollout(deployment(1, observedGeneration=2), [], "Secret s does not exist").reason == "PodsFailing"


def test_what_keeps_a_pod_from_running_is_said() -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [waiting]}}
    assert first_trouble([pod]) == "Pod p waits: ImagePullBackOff: no such image."
    assert rollout(deployment(1, observedGeneration=2), [pod]).reason == "PodsFailing"
    refused = {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}
    assert rollout(deployment(1, observedGeneration=2, conditions=[refused]), []).message == "violates PodSecurity"


def test_a_consumer_that_finds_no_room_for_all_its_pods_runs_and_says_so() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    pod = {"metadata": {"name": "p"}, "status": {"conditions": [unscheduled]}}
    few = deployment(3, observedGeneration=2, replicas=3, updatedReplicas=3, readyReplicas=1)
    found = rollout(few, [pod])
    assert found.holds and not complete(few)
    assert found.message == "1 of 3 pods of Deployment d are ready. Pod p has no node: 0/1 nodes are available"
    assert complete(deployment(1, readyReplicas=1)) and not complete(None)


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = listed([condition("Ready", True, "Running", "1")], [], 1, "t1")
    same = listed([condition("Ready", True, "ScaledToZero", "2")], first, 2, "t2")
    other = listed([condition("Ready", False, "RollingOut", "3")], same, 3, "t3")
    assert [rows[0]["lastTransitionTime"] for rows in (first, same, other)] == ["t1", "t1", "t3"]
    assert other[0]["observedGeneration"] == 3


def test_only_news_is_told() -> None:
    before = listed([condition("Ready", True, "Running", "")], [], 1, "t")
    assert changed([condition("Ready", True, "Running", "other words")], before) == []
    assert changed([condition("HotPartition", False, "Fine", "")], before) == []
    assert len(changed([condition("HotPartition", True, "LagInOnePartition", "")], before)) == 1
