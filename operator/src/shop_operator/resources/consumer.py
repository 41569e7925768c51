"""The Deployment of a ShopConsumer. It never names `replicas`: that is KEDA's, or the scaling manager's."""

from __future__ import annotations

from shop_operator.resources.base import CONSUMER_LABEL, Manifest, labels, manifest
from shop_operator.resources.pods import Container, Folder, Surroundings, pod


def selector(parent: Manifest) -> dict[str, str]:
    """The labels that find the pods; also what the scale subresource tells."""
    return {CONSUMER_LABEL: parent["metadata"]["name"]}


def marks(parent: Manifest) -> dict[str, str]:
    """The labels of all that belongs to one consumer; its instance is the Shop that made it, if one did."""
    meta = parent["metadata"]
    name = meta["name"]
    instance = meta.get("labels", {}).get("app.kubernetes.io/instance", name)
    return labels(name, instance, "consumer") | {CONSUMER_LABEL: name}


def deployment(parent: Manifest) -> Manifest:
    """The pods of one consumer."""
    spec, all_marks = parent["spec"], marks(parent)
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
    around = Surroundings(
        pull_secrets=spec.get("pullSecrets", []),
        service_account=spec.get("serviceAccountName", ""),
        grace=spec["stopGraceSeconds"],
        spread=selector(parent),
    )
    return manifest(
        "Deployment",
        parent["metadata"]["name"],
        parent,
        all_marks,
        spec={
            "selector": {"matchLabels": selector(parent)},
            # One pod more than wanted, never fewer: a rolling upgrade costs no speed.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 300,
            "template": {"metadata": {"labels": all_marks}, "spec": pod(container, around)},
        },
    )


def folders(spec: Manifest) -> tuple[Folder, ...]:
    """The Secrets that its pods mount."""
    return tuple(
        Folder(said["name"], said["mountPath"], tuple(said.get("keys", []))) for said in spec.get("secrets", [])
    )


def only_replicas(deployed: Manifest, replicas: int) -> Manifest:
    """What the scaling manager applies: nothing but the number of pods."""
    head = {name: deployed["metadata"][name] for name in ("name", "namespace")}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": head, "spec": {"replicas": replicas}}
