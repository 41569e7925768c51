"""The Deployment of a ShopConsumer. It never names `replicas`: that is KEDA's, or the scaling manager's."""

from __future__ import annotations

from shop_operator.desired import scheduling
from shop_operator.desired.base import CONSUMER_LABEL, Manifest, labels, manifest
from shop_operator.desired.pods import Container, Folder, PodOptions, pod
from shop_operator.desired.policies import scraped

# The name label of all consumers: their own names are chosen by whoever makes them, and a policy trusts cm-server's.
NAME = "consumer"
# No Shop has a dot in its name, so that no ShopConsumer of somebody's own is taken for a part of one.
_OWN = ".shopconsumer"


def selector(parent: Manifest) -> dict[str, str]:
    """The labels that find the pods; also what the scale subresource tells."""
    return {CONSUMER_LABEL: parent["metadata"]["name"]}


def labels_of(parent: Manifest) -> dict[str, str]:
    """The labels of all that belongs to one consumer. Whose it is follows from its owner alone: labels of the resource
    are whatever somebody wrote."""
    name, shop = parent["metadata"]["name"], shop_of(parent)
    known = labels(NAME, shop, "consumer") if shop else labels(NAME, f"{name[:50]}{_OWN}", "shopconsumer")
    return known | {CONSUMER_LABEL: name}


def shop_of(parent: Manifest) -> str:
    """The Shop that made it; '' for a ShopConsumer of somebody's own."""
    for owner in parent["metadata"].get("ownerReferences", []):
        if owner.get("controller") and owner["kind"] == "Shop":
            return str(owner["name"])
    return ""


def deployment(parent: Manifest) -> Manifest:
    """The pods of one consumer."""
    spec, all_labels = parent["spec"], labels_of(parent)
    probes = spec.get("probes")
    container = Container(
        name="consumer",
        image=spec["image"],
        pull_policy=spec["pullPolicy"],
        command=spec.get("command", []),
        args=spec.get("args", []),
        env=spec.get("env", []),
        resources=spec.get("resources", {}),
        port=("health", probes["port"]) if probes else None,
        liveness=probes.get("liveness", "") if probes else "",
        readiness=probes.get("readiness", "") if probes else "",
        read_only=spec["readOnlyRootFilesystem"],
        user=spec.get("runAsUser"),
        folders=folders(spec),
    )
    options = PodOptions(
        pull_secrets=spec.get("pullSecrets", []),
        service_account=spec.get("serviceAccountName", ""),
        grace=spec["stopGraceSeconds"],
        spread=selector(parent),
        settings=scheduling.merged(spec.get("pods")),
    )
    return manifest(
        "Deployment",
        parent["metadata"]["name"],
        parent,
        all_labels,
        spec={
            "selector": {"matchLabels": selector(parent)},
            # One pod more than wanted, never fewer: a rolling upgrade costs no speed.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 300,
            "template": {
                "metadata": scheduling.metadata(options.settings, all_labels),
                "spec": pod(container, options),
            },
        },
    )


def companions(parent: Manifest) -> list[Manifest]:
    """What stands beside the pods: how many of them may be evicted at once, and who may connect."""
    name, all_labels = beside(parent), labels_of(parent)
    chosen = {"matchLabels": selector(parent)}
    spec = {"maxUnavailable": 1, "selector": chosen, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    made = [manifest("PodDisruptionBudget", name, parent, all_labels, spec=spec)]
    # A Shop's consumers have the Shop's policy, which says where to they may connect as well.
    if not shop_of(parent) and parent["spec"].get("networkPolicy", True):
        made.append(_closed(parent))
    return made


def _closed(parent: Manifest) -> Manifest:
    """Nobody may connect, save for metrics; the kubelet's probes are always let in."""
    spec = parent["spec"]
    probes = spec.get("probes")
    let_in = scraped(spec.get("scrapers"), probes["port"]) if probes else []
    closed = {"podSelector": {"matchLabels": selector(parent)}, "policyTypes": ["Ingress"], "ingress": let_in}
    return manifest("NetworkPolicy", beside(parent), parent, labels_of(parent), spec=closed)


def beside(parent: Manifest) -> str:
    """A name that nothing of a Shop has."""
    return f"{parent['metadata']['name']}.consumer"


def folders(spec: Manifest) -> tuple[Folder, ...]:
    """The Secrets that its pods mount."""
    return tuple(
        Folder(said["name"], said["mountPath"], tuple(said.get("keys", []))) for said in spec.get("secrets", [])
    )
