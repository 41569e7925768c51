"""The HTTP tiers of a Shop, cm-server, cm-api and cm-ops: Deployment, Service, autoscaler and budget of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shop_operator.desired import callers, credentials, scheduling
from shop_operator.desired.base import Manifest, labels, manifest, selector
from shop_operator.desired.credentials import Credentials
from shop_operator.desired.pods import Container, PodOptions, pod, variables

SERVER, API, OPS = "cm-server", "cm-api", "cm-ops"
USER = 10001  # as the images of ours have it
# gunicorn finishes requests for 20 s, after the seconds in which the pod takes its leave.
_GRACE = 45


@dataclass(frozen=True)
class Tier:
    """One tier: its name, image, port, and what the Shop says about it. `alone`: one pod of one process, always."""

    name: str
    component: str
    image: str
    port: int
    spec: Manifest
    replicas: int
    threads: int
    env: dict[str, str]
    credentials: Credentials
    alone: bool = False


def tiers(shop: Manifest) -> tuple[Tier, ...]:
    """cm-server and cm-api of a Shop, and cm-ops where it is asked for."""
    both = (server(shop), api(shop))
    return (*both, ops(shop)) if watched(shop) else both


def watched(shop: Manifest) -> bool:
    """Whether the Shop asks for cm-ops, which only operators need."""
    return "ops" in shop["spec"]


def server(shop: Manifest) -> Tier:
    spec, said = shop["spec"], shop["spec"].get("server", {})
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": spec["kafka"]["bootstrapServers"],
        "CM_API_URL": f"http://{full_name(shop, API)}:8081",
    }
    if docs := said.get("docs"):
        env |= {"API_DOCS_ACTIVE": str(docs["active"]).lower(), "API_DOCS_PATH": docs["path"]}
    if watched(shop):
        env["CM_OPS_URL"] = f"http://{full_name(shop, OPS)}:8082"
    env |= callers.trusted(shop)
    if hosts := _hosts(spec):
        env["HTTP_ALLOWED_HOSTS"] = ",".join(hosts)
    return Tier(SERVER, "server", spec["images"]["cmServer"], 8080, said, 2, 16, env, credentials.of_server(shop))


def _hosts(spec: Manifest) -> list[str]:
    """By which names the world reaches the Shop, as far as they are single ones."""
    named = [spec["ingress"]["host"]] if spec.get("ingress") else spec.get("gateway", {}).get("hostnames", [])
    return [host for host in named if "*" not in host]


def api(shop: Manifest) -> Tier:
    spec, said = shop["spec"], shop["spec"].get("api", {})
    # It follows the campaigns' topic, so that its answers from memory are as new as the read model.
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": spec["kafka"]["bootstrapServers"],
        "MONGODB_DATABASE": spec["mongodb"]["database"],
    }
    return Tier(API, "api", spec["images"]["cmApi"], 8081, said, 1, 48, env, credentials.of_api(shop))


def ops(shop: Manifest) -> Tier:
    """One look is for all who watch, and one memory of the last quarter of an hour: hence one pod."""
    spec, said = shop["spec"], shop["spec"]["ops"]
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": spec["kafka"]["bootstrapServers"],
        "MONGODB_DATABASE": spec["mongodb"]["database"],
    }
    proof = credentials.of_ops(shop)
    return Tier(OPS, "ops", spec["images"]["cmApi"], 8082, said, 1, 4, env, proof, alone=True)


def every_address(shop: Manifest) -> str:
    """What a pod listens on: IPv6 hears IPv4 as well, but a node without it refuses that address."""
    families = shop["spec"].get("network", {}).get("ipFamilies", ["IPv4"])
    return "[::]" if "IPv6" in families else "0.0.0.0"  # a pod's port  # nosec B104


def full_name(shop: Manifest, name: str) -> str:
    return f"{shop['metadata']['name']}-{name}"


def tier_marks(shop: Manifest, tier: Tier) -> dict[str, str]:
    return labels(tier.name, shop["metadata"]["name"], tier.component)


def deployment(shop: Manifest, tier: Tier) -> Manifest:
    """Without `replicas`: those are the scaling manager's or the autoscaler's."""
    images, chosen = shop["spec"]["images"], selector(tier.name, shop["metadata"]["name"])
    settings = {
        "HTTP_HOST": every_address(shop),
        "HTTP_PORT": str(tier.port),
        "HTTP_THREADS": str(tier.spec.get("threads", tier.threads)),
    }
    if not tier.alone:
        settings["HTTP_WORKERS"] = str(tier.spec.get("workers", 1))
    container = Container(
        name=tier.name,
        image=tier.image,
        pull_policy=images["pullPolicy"],
        command=[tier.name],
        user=USER,
        env=variables(settings | tier.env | tier.credentials.env, tier.spec.get("env", [])),
        resources=tier.spec.get("resources", {}),
        port=("http", tier.port),
        liveness="/healthz",
        # Not /readyz: that asks for what all pods share, so that one part away would leave the Service without a pod.
        readiness="/healthz",
        leave_slowly=True,
        folders=tier.credentials.folders,
    )
    options = PodOptions(
        pull_secrets=images.get("pullSecrets", []),
        service_account=full_name(shop, tier.name),
        grace=_GRACE,
        spread=chosen,
        settings=scheduling.merged(shop["spec"].get("pods"), tier.spec.get("pods")),
    )
    marks = tier_marks(shop, tier)
    spec = {
        "selector": {"matchLabels": chosen},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 300,
        "template": {"metadata": scheduling.metadata(options.settings, marks), "spec": pod(container, options)},
    }
    return manifest("Deployment", full_name(shop, tier.name), shop, marks, spec=spec)


def fixed_replicas(tier: Tier) -> int | None:
    """How many pods the Shop asks for; None where an autoscaler decides."""
    if tier.spec.get("autoscaling"):
        return None
    return int(tier.spec.get("replicas", tier.replicas))


def companions(shop: Manifest, tier: Tier) -> list[Manifest]:
    """All that belongs to a tier's Deployment."""
    made = [_service(shop, tier), _service_account(shop, tier)]
    if not tier.alone:
        made.append(_budget(shop, tier))
    if tier.spec.get("autoscaling"):
        made.append(_autoscaler(shop, tier))
    return made


def _object(kind: str, shop: Manifest, tier: Tier, **rest: Any) -> Manifest:
    return manifest(kind, full_name(shop, tier.name), shop, tier_marks(shop, tier), **rest)


def _service(shop: Manifest, tier: Tier) -> Manifest:
    port = {"name": "http", "port": tier.port, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    spec = {"selector": selector(tier.name, shop["metadata"]["name"]), "ports": [port], "type": "ClusterIP"}
    return _object("Service", shop, tier, spec=spec)


def _service_account(shop: Manifest, tier: Tier) -> Manifest:
    return _object("ServiceAccount", shop, tier, automountServiceAccountToken=False)


def _budget(shop: Manifest, tier: Tier) -> Manifest:
    # maxUnavailable, so that a single pod does not keep a node from being drained.
    chosen = {"matchLabels": selector(tier.name, shop["metadata"]["name"])}
    spec = {"maxUnavailable": 1, "selector": chosen, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    return _object("PodDisruptionBudget", shop, tier, spec=spec)


def _autoscaler(shop: Manifest, tier: Tier) -> Manifest:
    said = tier.spec["autoscaling"]
    use = {"type": "Utilization", "averageUtilization": said["cpuPercent"]}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": full_name(shop, tier.name)},
        "minReplicas": said["minReplicas"],
        "maxReplicas": said["maxReplicas"],
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": use}}],
    }
    return _object("HorizontalPodAutoscaler", shop, tier, spec=spec)
