"""The ground that the other tests stand on, as any cluster brings it; and that ours goes without a trace."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shop_cluster import addons, box, cluster
from shop_cluster.client import Client
from shop_cluster.commands import ClusterError
from shop_cluster.images import PREFIX
from shop_cluster.places import place_of
from shop_cluster.rootfs import SUITE
from shop_cluster.traces import traces

OURS = pytest.mark.skipif("KUBECONFIG" in os.environ, reason="asks for what only the project's own cluster has")
IMAGE = f"{PREFIX}/debian:{SUITE}"


def pod(name: str, script: str, claim: str | None = None) -> dict[str, Any]:
    """A pod that runs a shell script once, with a volume at /data when a claim is named."""
    container: dict[str, Any] = {"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}
    spec: dict[str, Any] = {"restartPolicy": "Never", "containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def succeeds(k8s: Client, namespace: str, manifest: dict[str, Any]) -> str:
    """What a pod printed before it ended well."""
    name = manifest["metadata"]["name"]
    k8s.apply(manifest | {"metadata": {"name": name, "namespace": namespace}})
    phase = "--for=jsonpath={.status.phase}=Succeeded"
    k8s.kubectl("wait", f"pod/{name}", "-n", namespace, phase, "--timeout=60s")
    return k8s.kubectl("logs", name, "-n", namespace)


def test_every_node_is_ready(k8s: Client) -> None:
    nodes = k8s.get("nodes")["items"]
    ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready == ["True"] * len(nodes) != []


def test_keda_serves_the_external_metrics_api(k8s: Client) -> None:
    conditions = k8s.get("apiservice", "v1beta1.external.metrics.k8s.io")["status"]["conditions"]
    assert {c["type"]: c["status"] for c in conditions}["Available"] == "True"
    assert k8s.get("scaledobjects", "-A")["items"] is not None


@OURS
@pytest.mark.parametrize("address", ["http://127.0.0.1", "https://127.0.0.1"])
def test_the_ingress_knows_no_stranger(k8s: Client, address: str) -> None:
    assert k8s.get("ingressclass", "nginx")["spec"]["controller"] == "k8s.io/ingress-nginx"
    context = ssl._create_unverified_context()
    request = urllib.request.Request(address, headers={"Host": "stranger.localtest.me"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5, context=context)
    refused.value.close()
    assert refused.value.code == 404


@OURS
def test_a_volume_keeps_its_data_from_pod_to_pod(k8s: Client, namespace: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    metadata = {"name": "data", "namespace": namespace}
    k8s.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    succeeds(k8s, namespace, pod("writes", "echo kept > /data/file", "data"))
    assert succeeds(k8s, namespace, pod("reads", "cat /data/file", "data")) == "kept\n"
    assert k8s.get("pvc", "data", "-n", namespace)["status"]["phase"] == "Bound"


@OURS
def test_a_pod_finds_services_by_name(k8s: Client, namespace: str) -> None:
    names = "kubernetes.default secantus.database.svc.cluster.local"
    found = succeeds(k8s, namespace, pod("asks", f"for name in {names}; do getent hosts $name || exit 1; done"))
    services = (("kubernetes", "default"), ("secantus", "database"))
    addresses = [k8s.get("service", name, "-n", where)["spec"]["clusterIP"] for name, where in services]
    assert [line.split()[0] for line in found.splitlines()] == addresses


@OURS
def test_a_namespace_can_enforce_the_restricted_standard(k8s: Client, namespace: str) -> None:
    k8s.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(ClusterError, match='violates PodSecurity "restricted'):
        k8s.kubectl("run", "plain", "-n", namespace, f"--image={IMAGE}")


@OURS
@pytest.mark.skipif(os.geteuid() != 0, reason="a cluster needs root")
def test_a_cluster_goes_without_a_trace(k8s: Client, tmp_path: Path) -> None:
    """A second one, beside the first: their addresses, interfaces and groups do not meet."""
    place = place_of(tmp_path / "second")
    before = traces(place)
    try:
        cluster.up(place, without=frozenset(addons.OPTIONAL), fronts=False, project=False)
        assert box.runs(place)
        assert traces(place)["interfaces"] > before["interfaces"]
    finally:
        cluster.down(place)
    assert traces(place) == before
    assert k8s.get("nodes")["items"]
