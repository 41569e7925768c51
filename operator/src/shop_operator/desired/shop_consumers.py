"""The ShopConsumers of a Shop: one a domain, by the names that the services use (topic shop.X, group cm-api-X)."""

from __future__ import annotations

from shop_operator.decisions.warm_up import part_of
from shop_operator.desired import credentials, scheduling
from shop_operator.desired.base import Manifest, labels, manifest
from shop_operator.desired.http_services import USER, every_address, full_name
from shop_operator.desired.pods import variables

DEFAULT_THRESHOLD = 100
SERVICE_ACCOUNT = "consumer"
_COPIED = (
    "mode",
    "databaseGuard",
    "maxDelay",
    "activationLagThreshold",
    "fallback",
    "pauseScaleIn",
    "pauseScaleOut",
    "minReplicas",
    "maxReplicas",
    "pollingInterval",
    "cooldownPeriod",
    "resources",
    "drainWithin",
    "lagThreshold",
    "topicConfig",
    "derivedTopics",
)


def consumers(shop: Manifest, warm: Manifest | None = None) -> list[Manifest]:
    """One ShopConsumer for each entry of spec.consumers; `warm` is the warm-up that some of them take part in."""
    made = [_consumer(shop, entry) for entry in shop["spec"].get("consumers", [])]
    for each in made:
        if part := part_of(warm, each["metadata"]["name"]):
            each["spec"]["warmUp"] = part
    return made


def service_account(shop: Manifest) -> Manifest:
    """One identity for all consumers of the Shop."""
    marks = labels("consumer", shop["metadata"]["name"], "consumer")
    name = full_name(shop, SERVICE_ACCOUNT)
    return manifest("ServiceAccount", name, shop, marks, automountServiceAccountToken=False)


def _consumer(shop: Manifest, said: Manifest) -> Manifest:
    spec, images, domain = shop["spec"], shop["spec"]["images"], said["domain"]
    proof = credentials.of_consumer(shop, domain)
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": spec["kafka"]["bootstrapServers"],
        "MONGODB_DATABASE": spec["mongodb"]["database"],
        "HEALTH_HOST": every_address(shop).strip("[]"),
    }
    wanted: Manifest = {
        "topic": said.get("topic", f"shop.{domain}"),
        "group": said.get("group", f"cm-api-{domain}"),
        "image": images["cmApi"],
        "pullPolicy": images["pullPolicy"],
        "command": ["cm-api-consumer"],
        "args": ["--domain", domain],
        "runAsUser": USER,
        "env": variables(env | proof.env, said.get("env", [])),
        "secrets": [
            {"name": folder.secret, "mountPath": folder.path, "keys": list(folder.keys)} for folder in proof.folders
        ],
        "probes": {"port": 8090, "liveness": "/healthz", "readiness": "/readyz"},
        "serviceAccountName": full_name(shop, SERVICE_ACCOUNT),
        "kafka": _kafka(spec["kafka"]),
        "drainGraceSeconds": spec["drainGraceSeconds"],
        **{name: said[name] for name in _COPIED if name in said},
    }
    if images.get("pullSecrets"):
        wanted["pullSecrets"] = images["pullSecrets"]
    if pods := scheduling.merged(spec.get("pods"), said.get("pods")):
        wanted["pods"] = pods
    if "lagThreshold" not in wanted and "drainWithin" not in wanted:
        wanted["lagThreshold"] = DEFAULT_THRESHOLD
    marks = labels("consumer", shop["metadata"]["name"], "consumer")
    return manifest("ShopConsumer", domain, shop, marks, spec=wanted)


def _kafka(said: Manifest) -> Manifest:
    topics = said.get("topics", {})
    kafka: Manifest = {"bootstrapServers": said["bootstrapServers"], "createTopics": topics.get("create", True)}
    kafka |= {name: topics[name] for name in ("partitions", "replicationFactor", "minInsyncReplicas") if name in topics}
    return kafka | {name: said[name] for name in ("secretRef", "kedaSecretRef", "caSecretRef") if said.get(name)}
