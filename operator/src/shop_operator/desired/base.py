"""What every manifest begins with: names, labels and the owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]
MANAGED_BY = "shop-operator"
PART_OF = "scalable-shop"
CONSUMER_LABEL = "scalable-shop.dev/consumer"
# Where Prometheus stands by its own instructions and in distributions of Kubernetes.
_MONITORING = (
    "cattle-monitoring-system",
    "kube-prometheus-stack",
    "monitoring",
    "observability",
    "openshift-monitoring",
    "openshift-user-workload-monitoring",
    "prometheus",
)
_VERSIONS = {
    "Deployment": "apps/v1",
    "Event": "v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
    "Job": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "ShopConsumer": "scalable-shop.dev/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
}


def labels(name: str, instance: str, component: str) -> dict[str, str]:
    """The labels of one thing: what it is, which installation, and its part in it."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def in_namespaces(names: Sequence[str]) -> Manifest:
    """The pods of some namespaces, as a peer of a NetworkPolicy. The API server sets that label, nobody else can."""
    chosen = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}
    return {"namespaceSelector": {"matchExpressions": [chosen]}}


def prometheus() -> list[Manifest]:
    """Who reads metrics, unless it is said. In any other namespace that label may be anybody's."""
    chosen: Manifest = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    return [chosen, in_namespaces(_MONITORING) | chosen]


def selector(name: str, instance: str) -> dict[str, str]:
    """Those labels that never change, for selectors."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": instance}


def manifest(kind: str, name: str, parent: Manifest, marks: dict[str, str], **rest: Any) -> Manifest:
    """A manifest that belongs to `parent`, a Shop or ShopConsumer as the API server gave it."""
    meta = parent["metadata"]
    # Not blocking: that would ask for a right on the parent's finalizers.
    owner = {
        "apiVersion": parent["apiVersion"],
        "kind": parent["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    head = {"name": name, "namespace": meta["namespace"], "labels": marks, "ownerReferences": [owner]}
    return {"apiVersion": _VERSIONS[kind], "kind": kind, "metadata": head, **rest}


def reachable(bootstrap: str, namespace: str) -> str:
    """Addresses that hold in any namespace: KEDA would not find a Service by its short name."""
    return ",".join(_reachable(address, namespace) for address in bootstrap.split(","))


def _reachable(address: str, namespace: str) -> str:
    host, _, port = address.rpartition(":")
    whole = "." in host or host == "localhost" or host.startswith("[")
    return address if whole else f"{host}.{namespace}.svc:{port}"


def text(marks: dict[str, str]) -> str:
    """A selector as the API takes it."""
    return ",".join(f"{name}={value}" for name, value in sorted(marks.items()))


def made_by(shop: str) -> str:
    """The selector of all that a Shop of this name makes."""
    return text({"app.kubernetes.io/instance": shop, "app.kubernetes.io/managed-by": MANAGED_BY})
