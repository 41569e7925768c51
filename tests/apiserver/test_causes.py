"""Ways to break a resource, each with the object and the cause that `kubectl get` must name. There is no node here:
what a kubelet or a controller would write of pods, Deployments and Jobs, the test writes."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shop_apiserver.api import Api
from shop_apiserver.operator import operator
from shop_apiserver.specs import VERSION, made
from shop_cluster.waiting import wait_until

Manifest = dict[str, Any]
AWAY = "127.0.0.1:1"
Breaks = Callable[["Place", str], None]


@dataclass(frozen=True)
class Place:
    """The namespace, and the hand of a kubelet and of controllers in it."""

    api: Api
    namespace: str

    def head(self, name: str, **more: Any) -> Manifest:
        return {"name": name, "namespace": self.namespace, **more}

    def there(self, version: str, kind: str, name: str) -> Manifest:
        found: list[Manifest] = []

        def seen() -> bool:
            live = self.api.get(version, kind, self.namespace, name)
            if live is not None:
                found.append(live)
            return live is not None

        wait_until(seen, f"{kind} {name} is made", 60)
        return found[-1]

    def pod(self, owner: Manifest, status: Manifest, *, node: bool = True) -> Manifest:
        """A pod of a Deployment or Job, as it would be made, with this status."""
        template = owner["spec"]["template"]
        labels = dict(template["metadata"]["labels"])
        if owner["kind"] == "Job":
            labels["batch.kubernetes.io/job-name"] = owner["metadata"]["name"]
        spec = template["spec"] | ({"nodeName": "node-1"} if node else {})
        head = self.head(f"{owner['metadata']['name']}-pod", labels=labels)
        answer = self.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec})
        assert answer.ok, answer.message
        done = self.api.merge(answer.body, {"status": {"phase": "Pending"} | status}, subresource="status")
        assert done.ok, done.message
        return answer.body

    def status(self, live: Manifest, **status: Any) -> None:
        done = self.api.merge(live, {"status": status}, subresource="status")
        assert done.ok, done.message

    def event(self, about: Manifest, kind: str, reason: str, message: str) -> None:
        meta = about["metadata"]
        reference = {"kind": kind, "name": meta["name"], "namespace": self.namespace, "uid": meta["uid"]}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": self.head(f"e-{uuid.uuid4().hex[:8]}")}
        told = {"involvedObject": reference, "reason": reason, "message": message, "type": "Warning"}
        answer = self.api.create(event | told | {"lastTimestamp": "2026-01-01T00:00:00Z"})
        assert answer.ok, answer.message

    def secret(self, name: str, values: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        head = self.head(name, annotations=dict(annotations or {}))
        self.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": data})


def waiting(reason: str, message: str = "", last: Manifest | None = None) -> Breaks:
    """The container of the pod waits."""

    def breaks(place: Place, name: str) -> None:
        state = {"state": {"waiting": {"reason": reason, "message": message}}} | ({"lastState": last} if last else {})
        place.pod(place.there("apps/v1", "Deployment", name), {"containerStatuses": [_container() | state]})

    return breaks


def ended(code: int, reason: str, message: str = "") -> Manifest:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def _container() -> Manifest:
    told = {"name": "consumer", "image": "i", "imageID": "", "restartCount": 3, "ready": False}
    return told | {"state": {"running": {}}}


def told_of_pod(reason: str, message: str) -> Breaks:
    """The kubelet tells by an Event."""

    def breaks(place: Place, name: str) -> None:
        pod = place.pod(place.there("apps/v1", "Deployment", name), {"containerStatuses": [_container()]})
        place.event(pod, "Pod", reason, message)

    return breaks


def unscheduled(place: Place, name: str) -> None:
    message = "0/3 nodes are available: 3 Insufficient memory."
    bad = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    place.pod(place.there("apps/v1", "Deployment", name), {"conditions": [bad]}, node=False)


def evicted(place: Place, name: str) -> None:
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    place.pod(place.there("apps/v1", "Deployment", name), status)


def deployment(reason: str, kind: str, message: str) -> Breaks:
    """A condition of the Deployment."""

    def breaks(place: Place, name: str) -> None:
        live = place.there("apps/v1", "Deployment", name)
        bad = {"type": kind, "status": "True" if kind == "ReplicaFailure" else "False"}
        bad |= {"reason": reason, "message": message}
        place.status(live, observedGeneration=live["metadata"]["generation"], conditions=[bad])

    return breaks


def nothing(place: Place, name: str) -> None:
    """The spec alone is broken."""


def login(name: str, values: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> Breaks:
    return lambda place, _: place.secret(name, values, annotations)


def stranger(place: Place, name: str) -> None:
    """A Deployment of somebody else has the name."""
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    place.api.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": place.head(name), "spec": spec})


def runs(place: Place, name: str) -> None:
    """The pods of a Deployment are there and ready."""
    live = place.there("apps/v1", "Deployment", name)
    count = live["spec"].get("replicas", 1)
    fine = {"replicas": count, "readyReplicas": count, "updatedReplicas": count, "availableReplicas": count}
    place.status(live, observedGeneration=live["metadata"]["generation"], **fine)


def job(status: Manifest | None, event: str = "") -> Breaks:
    """The Job of a Shop does not get on: its pod, or what the controller tells."""

    def breaks(place: Place, name: str) -> None:
        place.secret("uri", {"uri": "mongodb://x"})
        for tier in ("cm-server", "cm-api"):
            runs(place, f"{name}-{tier}")
        found: list[Manifest] = []
        mine = partial(_jobs, place, name, found)
        wait_until(mine, "the Job is made", 60)
        if status is not None:
            place.pod(found[0] | {"kind": "Job"}, status)
        if event:
            place.event(found[0], "Job", "FailedCreate", event)

    return breaks


def indexed(place: Place, name: str) -> None:
    """All that a Shop's consumers wait for is there."""
    job(None)(place, name)
    found: list[Manifest] = []
    wait_until(partial(_jobs, place, name, found), "the Job is made", 60)
    ends = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
    began, ended = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
    live = place.there("batch/v1", "Job", found[0]["metadata"]["name"])
    place.status(live, startTime=began, completionTime=ended, succeeded=1, conditions=ends)


def _jobs(place: Place, name: str, found: list[Manifest]) -> bool:
    found[:] = [j for j in place.api.list("batch/v1", "Job", place.namespace) if j["metadata"]["name"].startswith(name)]
    return bool(found)


@dataclass(frozen=True)
class Row:
    """One way: what the spec says, what is done, the words of the column REASON."""

    name: str
    breaks: Breaks
    words: tuple[str, ...]
    spec: Manifest = field(default_factory=dict)
    kind: str = "ShopConsumer"
    before: Breaks = nothing


def kafka(**said: Any) -> Manifest:
    return {"kafka": {"bootstrapServers": AWAY, **said}}


def named(name: str) -> Manifest:
    return kafka(secretRef={"name": name})


SCRAM = {"sasl": "scram_sha512", "username": "me", "password": "x"}
BAD = "SecretInvalid: Secret"
URIS = {"uri": "uri", "opsUri": "positions"}
ROWS = (
    Row("pull", waiting("ErrImagePull", "no such host"), ("Pod pull-pod", "ErrImagePull", "no such host")),
    Row("backoff", waiting("ImagePullBackOff", 'image "x"'), ("Pod backoff-pod", "ImagePullBackOff", 'image "x"')),
    Row("badname", waiting("InvalidImageName", "UPPER"), ("Pod badname-pod", "InvalidImageName", "UPPER")),
    Row(
        "config",
        waiting("CreateContainerConfigError", "couldn't find key a in ConfigMap b"),
        ("Pod config-pod", "CreateContainerConfigError", "key a in ConfigMap b"),
    ),
    Row(
        "command",
        waiting("RunContainerError", "exec: no such file"),
        ("Pod command-pod", "RunContainerError", "no such file"),
    ),
    Row(
        "exits",
        waiting("CrashLoopBackOff", "back-off 40s", ended(7, "Error", "first\nlast words")),
        ("Pod exits-pod", "exit code 7", "last words", "kubectl logs"),
    ),
    Row(
        "memory",
        waiting("CrashLoopBackOff", "back-off", ended(137, "OOMKilled")),
        ("Pod memory-pod", "OOMKilled", "limit 64Mi", "resources.limits.memory"),
        {"resources": {"limits": {"memory": "64Mi"}}},
    ),
    Row("crowded", unscheduled, ("Pod crowded-pod has no node", "Insufficient memory")),
    Row("evicted", evicted, ("Pod evicted-pod failed", "Evicted", "low on resource")),
    Row(
        "unready",
        told_of_pod("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("Pod unready-pod is not ready", "Readiness probe failed", "503"),
    ),
    Row(
        "unlively",
        told_of_pod("Unhealthy", "Liveness probe failed: connection refused"),
        ("Pod unlively-pod is not ready", "Liveness probe failed", "refused"),
    ),
    Row(
        "mount",
        told_of_pod("FailedMount", 'MountVolume.SetUp failed for volume "secret-0"'),
        ("Pod mount-pod is not ready", "MountVolume.SetUp failed", "secret-0"),
    ),
    Row(
        "sandbox",
        told_of_pod("FailedCreatePodSandBox", "no runtime for gvisor"),
        ("Pod sandbox-pod is not ready", "no runtime for gvisor"),
    ),
    Row("nosecret", nothing, ("Secret gone does not exist",), {"secrets": [{"name": "gone", "mountPath": "/etc/x"}]}),
    Row(
        "nokey",
        login("half", {"a": "x"}),
        ("Secret half has no key b",),
        {"secrets": [{"name": "half", "mountPath": "/etc/x", "keys": ["a", "b"]}]},
    ),
    Row(
        "quota",
        deployment("FailedCreate", "ReplicaFailure", 'pods "quota-1" is forbidden: exceeded quota: team'),
        ("PodsRefused", "exceeded quota: team"),
    ),
    Row(
        "security",
        deployment("FailedCreate", "ReplicaFailure", 'pods "security-1" is forbidden: violates PodSecurity'),
        ("PodsRefused", "violates PodSecurity"),
    ),
    Row(
        "hangs",
        deployment("ProgressDeadlineExceeded", "Progressing", 'ReplicaSet "hangs-1" has timed out progressing.'),
        ("RolloutHangs", "Deployment hangs", "timed out progressing"),
    ),
    Row("taken", nothing, ("Refused", "Deployment taken is there already", "was not made by"), before=stranger),
    Row("away", nothing, ("KafkaAway", f"Kafka at {AWAY}")),
    Row("nologin", nothing, (BAD, "nologin-s (kafka.secretRef) does not exist"), named("nologin-s")),
    Row(
        "nopassword",
        login("nopassword-s", {"sasl": "scram_sha512", "username": "me"}),
        (BAD, "nopassword-s (kafka.secretRef) has no key password"),
        named("nopassword-s"),
    ),
    Row(
        "mechanism",
        login("mechanism-s", SCRAM | {"sasl": "SCRAM"}),
        (BAD, "mechanism-s (kafka.secretRef): sasl is 'SCRAM'"),
        named("mechanism-s"),
    ),
    Row(
        "tls",
        login("tls-s", SCRAM | {"tls": "on"}),
        (BAD, "tls-s (kafka.secretRef): tls is 'on'", "enable or disable"),
        named("tls-s"),
    ),
    Row(
        "clear",
        login("clear-s", SCRAM | {"sasl": "plaintext"}),
        (BAD, "clear-s (kafka.secretRef): sasl plaintext without tls"),
        named("clear-s"),
    ),
    Row(
        "elsewhere",
        login("elsewhere-s", SCRAM, {"scalable-shop.dev/bootstrap-servers": "kafka:9092"}),
        (BAD, f"elsewhere-s (kafka.secretRef) is not for {AWAY}"),
        named("elsewhere-s"),
    ),
    Row(
        "noca",
        login("noca-s", {"other": "x"}),
        (BAD, "noca-s (kafka.caSecretRef) has no key ca.crt"),
        kafka(caSecretRef={"name": "noca-s"}),
    ),
    Row(
        "badca",
        login("badca-s", {"ca.crt": "hello"}),
        (BAD, "badca-s (kafka.caSecretRef): ca.crt is no certificate in PEM"),
        kafka(caSecretRef={"name": "badca-s"}),
    ),
    Row(
        "nouri",
        lambda place, name: runs(place, f"{name}-cm-server"),
        ("Secret nouri-s does not exist",),
        {"secret": "nouri-s"},
        "Shop",
    ),
    Row(
        "noops",
        indexed,
        ("Secret positions does not exist",),
        {"ops": {}, "mongodb": {f"{field}SecretRef": {"name": name, "key": "uri"} for field, name in URIS.items()}},
        "Shop",
    ),
    Row(
        "nogateway",
        nothing,
        ("The Gateway API is not installed", "spec.ingress"),
        {"gateway": {"parentRefs": [{"name": "public"}]}},
        "Shop",
    ),
    Row(
        "jobquota",
        job(None, "exceeded quota: team"),
        ("Job jobquota-indexes", "may not make its pod", "exceeded quota: team"),
        {},
        "Shop",
    ),
    Row(
        "jobfails",
        job({"containerStatuses": [_container() | {"name": "indexes", "state": ended(1, "Error", "no primary")}]}),
        ("Job jobfails-indexes", "Pod jobfails-indexes", "exit code 1", "no primary"),
        {},
        "Shop",
    ),
)


def resource(place: Place, row: Row) -> Manifest:
    if row.kind == "Shop":
        said = dict(row.spec)
        secret = {"name": said.pop("secret", "uri"), "key": "uri"}
        base = {"images": {"cmServer": "r/a:1", "cmApi": "r/b:1"}, "mongodb": {"uriSecretRef": secret}, **kafka()}
        return made("Shop", place.namespace, row.name, base | said)
    base = {"topic": row.name, "group": row.name, "image": "r/i:1", "lagThreshold": 100, **kafka()}
    return made("ShopConsumer", place.namespace, row.name, base | row.spec)


@pytest.fixture(scope="module")
def broken(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Every resource of the table, made and broken."""
    place = Place(api, f"causes-{uuid.uuid4().hex[:6]}")
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}})
    folder: Path = tmp_path_factory.mktemp("causes")
    for row in ROWS:
        row.before(place, row.name)
        assert api.create(resource(place, row)).ok, row.name
    with operator(api, place.namespace, folder):
        for row in ROWS:
            row.breaks(place, row.name)
        yield place


def test_there_are_25_ways_and_more() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 25


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_kubectl_get_names_the_object_and_the_cause(broken: Place, row: Row) -> None:
    said: list[str] = [""]

    def told() -> bool:
        live = broken.api.get(VERSION, row.kind, broken.namespace, row.name) or {}
        said[0] = live.get("status", {}).get("reason", "")
        ready = [c for c in live.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
        return all(words in said[0] for words in row.words) and ready[0]["status"] == "False"

    try:
        wait_until(told, f"REASON has {row.words}", 45)
    except Exception as error:
        pytest.fail(f"{error}; it is: {said[0]!r}")
