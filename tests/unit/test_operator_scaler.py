"""The ScaledObject against what KEDA knows: KEDA itself says nothing about a parameter that it does not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shop_operator.desired import scaler
from shop_operator.desired.base import reachable
from shop_operator.desired.kafka_login import KEYS as LOGIN_KEYS
from shop_security.scripts import script

Make = Callable[..., dict[str, Any]]

# Parameters of KEDA 2.21's Kafka scaler, in a trigger's metadata and in a TriggerAuthentication.
TRIGGER_PARAMETERS = {
    "activationLagThreshold", "allowIdleConsumers", "awsRegion", "bootstrapServers", "consumerGroup",
    "ensureEvenDistributionOfPartitions", "excludePersistentLag", "fullMetadata", "lagThreshold",
    "limitToPartitionsWithLag", "offsetResetPolicy", "partitionLimitation", "sasl", "saslTokenProvider",
    "scaleToZeroOnInvalidOffset", "tls", "topic", "unsafeSsl", "version",
}  # fmt: skip
AUTHENTICATION_PARAMETERS = {
    "ca", "cert", "key", "keyPassword", "keytab", "kerberosConfig", "kerberosServiceName", "oauthExtensions",
    "oauthTokenEndpointUri", "password", "realm", "sasl", "saslTokenProvider", "scopes", "tls", "username",
}  # fmt: skip


def test_every_parameter_of_the_trigger_is_one_that_keda_knows(consumer: Make) -> None:
    (trigger,) = scaler.scaled_object(consumer(), 100, 12)["spec"]["triggers"]
    unknown = set(trigger["metadata"]) - TRIGGER_PARAMETERS
    assert not unknown, f"KEDA would silently ignore {unknown}"
    assert all(isinstance(value, str) for value in trigger["metadata"].values()), "KEDA takes strings only"


def test_the_trigger_wakes_a_group_that_never_committed(consumer: Make) -> None:
    (trigger,) = scaler.scaled_object(consumer(), 100, 12)["spec"]["triggers"]
    metadata = trigger["metadata"]
    assert metadata["topic"] == "orders" and metadata["consumerGroup"] == "billing"
    assert metadata["offsetResetPolicy"] == "earliest"
    # KEDA refuses these two together with limitToPartitionsWithLag.
    assert metadata["limitToPartitionsWithLag"] == "true"
    assert not {"allowIdleConsumers", "ensureEvenDistributionOfPartitions"} & set(metadata)


@pytest.mark.parametrize(("most", "partitions", "count"), [(12, 6, 6), (6, 12, 6), (12, None, 12)])
def test_never_more_pods_than_partitions(most: int, partitions: int | None, count: int, consumer: Make) -> None:
    spec = scaler.scaled_object(consumer(maxReplicas=most), 100, partitions)["spec"]
    assert spec["maxReplicaCount"] == count and spec["minReplicaCount"] <= count


def test_keda_finds_kafka_from_its_own_namespace() -> None:
    assert reachable("kafka:9092", "ns") == "kafka.ns.svc:9092"
    assert reachable("a.example:1,b:2", "ns") == "a.example:1,b.ns.svc:2"
    assert reachable("10.0.0.1:9092", "ns") == "10.0.0.1:9092"


def test_a_pin_is_kedas_annotation_and_goes_with_it(consumer: Make) -> None:
    def annotations(body: dict[str, Any]) -> Any:
        return scaler.scaled_object(body, 100, 12)["metadata"].get("annotations")

    assert annotations(consumer(replicas=2)) == {"autoscaling.keda.sh/paused-replicas": "2"}
    assert annotations(consumer(replicas=0)) == {"autoscaling.keda.sh/paused-replicas": "0"}
    assert annotations(consumer()) is None


def test_scale_up_may_jump_and_scale_down_waits_for_the_cooldown(consumer: Make) -> None:
    spec = scaler.scaled_object(consumer(maxReplicas=9, cooldownPeriod=77), 100, 12)["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["policies"][0]["value"] == 9 and behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == spec["cooldownPeriod"] == 77


def test_a_login_is_handed_to_keda_by_reference(consumer: Make) -> None:
    body = consumer(kafka={"bootstrapServers": "kafka:9093", "secretRef": {"name": "kafka-login"}})
    made = scaler.trigger_authentication(body, ["password", "sasl", "username"])
    assert made is not None
    references = made["spec"]["secretTargetRef"]
    assert {entry["parameter"] for entry in references} == {"sasl", "username", "password"}
    assert set(LOGIN_KEYS) <= AUTHENTICATION_PARAMETERS
    (trigger,) = scaler.scaled_object(body, 100, 12)["spec"]["triggers"]
    assert trigger["authenticationRef"] == {"name": made["metadata"]["name"]}
    own = {"secretRef": {"name": "operators"}, "kedaSecretRef": {"name": "kedas"}, "caSecretRef": {"name": "tls"}}
    body = consumer(kafka={"bootstrapServers": "kafka:9093", **own})
    made = scaler.trigger_authentication(body, ["password", "ca"])
    assert made and {(r["parameter"], r["name"], r["key"]) for r in made["spec"]["secretTargetRef"]} == {
        ("sasl", "kedas", "sasl"),
        ("username", "kedas", "username"),
        ("password", "kedas", "password"),
        ("tls", "kedas", "tls"),
        ("ca", "tls", "ca.crt"),
    }
    assert scaler.trigger_authentication(consumer(), []) is None


def test_the_examples_are_what_the_operator_makes() -> None:
    root = Path(__file__).resolve().parents[2]
    for name, text in script("keda_examples").examples().items():
        path = root / "keda" / "examples" / name
        assert path.read_text() == text, "run `make generate`"
