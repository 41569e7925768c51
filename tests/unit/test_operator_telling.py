"""What is told: Events counted together, a status that an older definition can hold, pods that do not follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.adapters.cluster import ClusterError
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers.event_recorder import MANY
from shop_operator.controllers.status_writer import OUTDATED, Reporter, undeclared
from shop_operator.decisions import scaling_progress
from shop_operator.decisions.conditions import condition
from shop_operator.decisions.scaling_progress import Gap
from shop_operator.desired.pods import Folder
from shop_operator.testing import FakeCluster

Make = Callable[..., dict[str, Any]]
Manifest = dict[str, Any]


def test_the_same_event_is_counted(consumer: Make) -> None:
    cluster = FakeCluster()
    reporter, body = Reporter(cluster), consumer()
    for _ in range(720):
        reporter.event(body, "Repaired", "Deployment a is as it should be again.")
    (told,) = cluster.of("Event")
    assert told["count"] == 720 and told["reason"] == "Repaired"
    Reporter(cluster).event(body, "Repaired", "Deployment a is as it should be again.")
    (told,) = cluster.of("Event")
    assert told["count"] == 721, "an operator that has just begun counts on"


def test_many_different_events_are_bounded_by_their_reasons(consumer: Make) -> None:
    cluster = FakeCluster()
    reporter = Reporter(cluster)
    for number in range(500):
        reporter.event(consumer(), "Scaled", f"{number} pods")
    assert len(cluster.of("Event")) == MANY + 1
    newest = max(cluster.of("Event"), key=lambda event: int(event["count"]))
    assert newest["message"] == "499 pods" and newest["count"] == 500 - MANY
    reporter.event(consumer(), "TopicCreated", "Made orders.")
    assert len(cluster.of("Event")) == MANY + 2, "another reason is not lost in the crowd"


def test_an_event_that_is_gone_is_made_again_and_one_that_is_refused_stops_nothing(consumer: Make) -> None:
    cluster = FakeCluster()
    reporter = Reporter(cluster)
    for _ in range(2):
        reporter.event(consumer(), "TopicCreated", "Made orders.")
        cluster.objects.clear()
    cluster.refusals["create"] = ClusterError(403, "forbidden")
    reporter.event(consumer(), "Scaled", "1 pod")
    assert cluster.of("Event") == []


class Old(FakeCluster):
    """An API server with a definition that lacks some columns, which it names one or all at a time."""

    lacks: tuple[str, ...] = ("wanted", "topicId")
    at_once = True

    def apply(self, manifest: Manifest, manager: str = "", subresource: str = "") -> Manifest:
        unknown = [name for name in self.lacks if name in manifest.get("status", {})]
        if unknown:
            named = unknown if self.at_once else unknown[:1]
            said = ", ".join(f".status.{name}: field not declared in schema" for name in named)
            raise ClusterError(500, f"failed to create typed patch object (ns/a): errors: {said}")
        return super().apply(manifest, manager, subresource)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_old_definition_gets_what_it_knows_and_is_named(at_once: bool, consumer: Make) -> None:
    cluster, body = Old(consumer()), consumer()
    cluster.at_once = at_once
    columns = {"wanted": 1, "topicId": "t", "lag": 3, "reason": "no lag"}
    for _ in range(5):
        Reporter(cluster).status(body, columns, [condition("Ready", True, "Running", "fine")])
        body["status"] = cluster.of("ShopConsumer")[0]["status"]
    status = body["status"]
    told = {entry["type"]: entry for entry in status["conditions"]}
    assert told["Ready"]["status"] == "False" and told["Ready"]["reason"] == OUTDATED
    assert told[OUTDATED]["status"] == "True" and "shopconsumers.scalable-shop.dev" in told[OUTDATED]["message"]
    assert status["lag"] == 3 and "crds" in status["reason"]
    assert [event["count"] for event in cluster.of("Event")] == [1], "told once"


def test_other_refusals_of_a_status_are_not_taken_for_an_old_definition(consumer: Make) -> None:
    cluster = FakeCluster()
    cluster.refusals["status"] = ClusterError(409, "conflict")
    with pytest.raises(ClusterError):
        Reporter(cluster).status(consumer(), {}, [condition("Ready", False, "TopicNotFound", "x")])
    assert cluster.of("Event") == [], "nothing is told that was not stored"
    assert undeclared('strict decoding error: unknown field "status.topicId"') == {"topicId"}


def scaled(**rest: Any) -> Manifest:
    return {"metadata": {"name": "billing", **rest.pop("metadata", {})}, **rest}


def test_pods_that_do_not_follow(consumer: Make) -> None:
    spec, gap = consumer(pollingInterval=5, cooldownPeriod=60)["spec"], Gap()
    assert gap.lasts(0, 5, 0) == 0 and gap.lasts(64, 5, 0) == 64
    assert not scaling_progress.not_scaling(spec, 64, gap, 5, scaled(), None).holds
    late = scaling_progress.not_scaling(spec, gap.lasts(66, 5, 0), gap, 5, scaled(), None)
    assert late.holds and late.reason == "KedaNotResponding" and "5 pods are needed, 0" in late.message
    bad = {"type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric", "message": "no metrics"}
    hpa = {"metadata": {"name": "keda-hpa-billing"}, "status": {"conditions": [bad]}}
    failing = scaling_progress.not_scaling(spec, 66, gap, 5, scaled(), hpa)
    assert failing.reason == "HpaFailing" and "FailedGetExternalMetric: no metrics" in failing.message
    assert gap.lasts(67, 5, 2) == 0, "a step is progress"
    assert gap.lasts(200, 5, 5) == 0 and not scaling_progress.not_scaling(spec, 0, gap, 5, scaled(), hpa).holds
    assert gap.lasts(300, 1, 5) == 0
    assert scaling_progress.bound(spec, gap) == 5 + 60 + 2 * 60, "downwards after the cooldowns"
    assert gap.lasts(400, 19, 20) == 0, "the HPA leaves a tenth alone"


@pytest.mark.parametrize(
    ("live", "holds"),
    [
        (scaled(metadata={"annotations": {"autoscaling.keda.sh/paused": "true"}}), True),
        (scaled(metadata={"annotations": {"autoscaling.keda.sh/paused": "false"}}), False),
        (scaled(metadata={"annotations": {"autoscaling.keda.sh/paused-replicas": "2"}}), False),
        (scaled(status={"conditions": [{"type": "Paused", "status": "True"}]}), True),
        (scaled(status={"conditions": [{"type": "Paused", "status": "False"}]}), False),
    ],
)
def test_a_pause_is_told_at_once(live: Manifest, holds: bool, consumer: Make) -> None:
    found = scaling_progress.not_scaling(consumer()["spec"], 0, Gap(), 0, live, None)
    assert found.holds is holds and (found.reason == "Paused") is holds


def test_a_tier_whose_autoscaler_has_no_metrics() -> None:
    bad = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no server"}
    hpa = {"metadata": {"name": "shop-cm-server"}, "status": {"conditions": [bad]}}
    assert "does not scale cm-server: FailedGetResourceMetric" in scaling_progress.autoscaler("cm-server", hpa, 120)
    assert scaling_progress.autoscaler("cm-server", hpa, 10) == "", "a start takes a while"
    asleep = {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}
    assert scaling_progress.autoscaler("x", {"metadata": {"name": "h"}, "status": {"conditions": [asleep]}}, 999) == ""


def waiting(name: str = "p") -> Manifest:
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": {"a": "b"}}
    return {"kind": "Pod", "metadata": meta, "spec": {"nodeName": "n", "containers": []}, "status": {}}


def said(uid: str, reason: str, message: str) -> Manifest:
    meta = {"name": f"{uid}.{reason}", "namespace": "ns"}
    return {"kind": "Event", "metadata": meta, "involvedObject": {"uid": uid}, "reason": reason, "message": message}


def test_causes_that_a_pod_does_not_tell() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "login", "namespace": "ns"}, "data": {"user": ""}}
    probe = said("uid-p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    cluster = FakeCluster(waiting(), secret, probe, said("uid-p", "Pulled", "image"))
    causes = Causes(cluster)

    def cause(*folders: Folder) -> str:
        return causes.of_pods("ns", {"a": "b"}, folders).cause

    assert cause(Folder("nosuch", "/x")).startswith("Secret nosuch does not exist")
    assert cause(Folder("login", "/x", ("user", "word"))).startswith("Secret login has no key word")
    assert cause(Folder("login", "/x", ("user",))).endswith("statuscode: 503")


def test_a_job_whose_pods_are_refused() -> None:
    job = {"kind": "Job", "metadata": {"name": "j", "namespace": "ns", "uid": "uid-j"}}
    cluster = FakeCluster(said("uid-j", "FailedCreate", "pods is forbidden: exceeded quota: small"))
    assert "exceeded quota: small" in Causes(cluster).of_job("ns", job, ())
    assert Causes(FakeCluster()).of_job("ns", job, ()) == ""
