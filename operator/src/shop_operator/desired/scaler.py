"""KEDA's side of a ShopConsumer: the ScaledObject, and the TriggerAuthentication where Kafka asks for a login."""

from __future__ import annotations

from shop_operator.desired.base import Manifest, manifest, reachable
from shop_operator.desired.consumer import labels_of
from shop_operator.desired.kafka_login import CA_KEY
from shop_operator.desired.kafka_login import KEYS as LOGIN_KEYS
from shop_runtime.scaling.rule import DRY, Cap, Floor

PAUSED = "autoscaling.keda.sh/paused-replicas"
# Leaves the pods as they are, however many.
HELD = "autoscaling.keda.sh/paused"
SCALE_IN, SCALE_OUT = "autoscaling.keda.sh/paused-scale-in", "autoscaling.keda.sh/paused-scale-out"
# Those that a Secret for KEDA alone must have, as the operator doesn't look into it.
OWN_KEYS = ("sasl", "username", "password", "tls")


def dry(spec: Manifest) -> bool:
    """Whether pods are only decided on."""
    return bool(spec.get("mode") == DRY)


def guarded(spec: Manifest) -> bool:
    """Whether the database may bound the pods; it rests where the pods do not follow the rule."""
    return bool(spec.get("databaseGuard")) and not dry(spec) and spec.get("replicas") is None


def bounds(spec: Manifest, partitions: int | None, extra: int = 0) -> tuple[int, int]:
    """How many pods there are at least, `extra` of them for a warm-up, and at most. More pods than partitions are never
    asked for, as they would idle."""
    most = spec["maxReplicas"] if partitions is None else min(spec["maxReplicas"], partitions)
    return min(spec["minReplicas"] + extra, most), most


def scaled_object(
    parent: Manifest,
    threshold: int,
    partitions: int | None,
    extra: int = 0,
    cap: Cap | None = None,
    floor: Floor | None = None,
) -> Manifest:
    """KEDA's order for one consumer; `cap` is where more pods would store no more, `floor` what late events need."""
    spec, name = parent["spec"], parent["metadata"]["name"]
    least, most = bounds(spec, partitions, extra)
    if cap is not None:
        most = max(1, least, min(most, cap.pods))
    if floor is not None:
        least = max(least, min(most, floor.pods))
    made = manifest(
        "ScaledObject",
        name,
        parent,
        labels_of(parent),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "pollingInterval": spec["pollingInterval"],
            "cooldownPeriod": spec["cooldownPeriod"],
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(most, spec["cooldownPeriod"])}},
            "triggers": [_trigger(parent, threshold)],
        },
    )
    if fallback := spec.get("fallback"):
        made["spec"]["fallback"] = fallback
    if marks := _pauses(spec):
        made["metadata"]["annotations"] = marks
    return made


def _pauses(spec: Manifest) -> dict[str, str]:
    if spec.get("replicas") is not None:
        return {PAUSED: str(spec["replicas"])}
    if dry(spec):
        return {HELD: "true"}
    asked = {SCALE_IN: spec.get("pauseScaleIn"), SCALE_OUT: spec.get("pauseScaleOut")}
    return {mark: "true" for mark, held in asked.items() if held}


def _trigger(parent: Manifest, threshold: int) -> Manifest:
    spec = parent["spec"]
    trigger: Manifest = {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": reachable(spec["kafka"]["bootstrapServers"], parent["metadata"]["namespace"]),
            "consumerGroup": spec["group"],
            # Without a topic KEDA looks at whatever the group has committed, which is nothing at first.
            "topic": spec["topic"],
            "lagThreshold": str(threshold),
            "offsetResetPolicy": "earliest",
            # A group that Kafka has forgotten must not be woken, as it would read everything again. The operator gives
            # it back its offsets, and a new one its first ones; from then on the lag is known.
            "scaleToZeroOnInvalidOffset": "true",
            # A pod for a partition without lag has nothing to do.
            "limitToPartitionsWithLag": "true",
        },
    }
    if "activationLagThreshold" in spec:
        trigger["metadata"]["activationLagThreshold"] = str(spec["activationLagThreshold"])
    if _login(parent):
        trigger["authenticationRef"] = {"name": parent["metadata"]["name"]}
    return trigger


def _behavior(most: int, cooldown: int) -> Manifest:
    """Up in one step to what the lag needs; down once the need has been small for the cooldown."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": most, "periodSeconds": 15}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": min(cooldown, 3600),
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    }


def trigger_authentication(parent: Manifest, keys: list[str]) -> Manifest | None:
    """How KEDA logs in: by its own Secret, or by those `keys` that the operator's has; None where there is neither."""
    kafka, login = parent["spec"]["kafka"], _login(parent)
    if not login:
        return None
    there = OWN_KEYS if kafka.get("kedaSecretRef") else keys
    references = [{"parameter": key, "name": login["name"], "key": key} for key in LOGIN_KEYS if key in there]
    if trust := kafka.get("caSecretRef"):
        references = [reference for reference in references if reference["parameter"] != "ca"]
        references.append({"parameter": "ca", "name": trust["name"], "key": CA_KEY})
    spec = {"secretTargetRef": references}
    return manifest("TriggerAuthentication", parent["metadata"]["name"], parent, labels_of(parent), spec=spec)


def _login(parent: Manifest) -> Manifest | None:
    kafka = parent["spec"]["kafka"]
    found: Manifest | None = kafka.get("kedaSecretRef") or kafka.get("secretRef")
    return found
