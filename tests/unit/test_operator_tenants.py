"""What a tenant writes into a resource is no identity, sends no password elsewhere, and holds nobody else's threads."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.controllers.pruning import prune_consumer
from shop_operator.controllers.resource import Resource
from shop_operator.desired import consumer as consumers
from shop_operator.desired import kafka_login, policies
from shop_operator.desired.consumer_objects import Scaling, desired
from shop_operator.desired.kafka_login import BadSecret
from shop_operator.testing import FakeCluster
from shop_runtime.scaling.rule import Decision, Limits

Manifest = dict[str, Any]
GATEWAY = "gateway.networking.k8s.io/gateway-name"
Make = Callable[..., Manifest]
NAME, INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"


def owned(body: Manifest, shop: str) -> Manifest:
    owner = {"kind": "Shop", "name": shop, "uid": "u", "controller": True}
    return body | {"metadata": body["metadata"] | {"ownerReferences": [owner]}}


@pytest.mark.security(35)
@pytest.mark.parametrize("name", ["cm-server", "cm-api", "cm-ops", "prometheus", "shop-operator", "shop", "indexes"])
def test_no_name_or_label_makes_pods_those_of_a_shop(name: str, shop: Make, consumer: Make) -> None:
    body = consumer(pods={"podLabels": {INSTANCE: "shop", NAME: "cm-server", GATEWAY: "public", "team": "a"}})
    body["metadata"] |= {"name": name, "labels": {INSTANCE: "shop", NAME: "cm-server"}}
    marks = consumers.deployment(body)["spec"]["template"]["metadata"]["labels"]
    assert marks["team"] == "a"
    for policy in policies.policies(shop(gateway={"parentRefs": [{"name": "public"}]}, ops={})):
        spec = policy["spec"]
        chosen = [spec["podSelector"]]
        chosen += [peer.get("podSelector") for rule in spec["ingress"] for peer in rule.get("from", [])]
        chosen += [peer["podSelector"] for rule in spec["egress"] for peer in rule.get("to", [])]
        for selector in chosen:
            if selector is not None:  # without it a peer is a namespace that this pod is not in
                assert not selector["matchLabels"].items() <= marks.items(), policy["metadata"]["name"]


@pytest.mark.security(35)
def test_the_operator_is_trusted_in_its_own_namespace_only(shop: Make) -> None:
    made = policies.policies(shop(network={"operatorNamespace": "home"}, ops={}))
    peers = [peer for policy in made for rule in policy["spec"]["ingress"] for peer in rule.get("from", [])]
    operators = [each for each in peers if "shop-operator" in str(each)]
    assert len(operators) == 2, "at cm-server and at cm-api"
    for each in operators:
        assert each["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "home"}}


@pytest.mark.security(35)
def test_no_label_alone_is_an_identity_in_another_namespace(shop: Make, consumer: Make) -> None:
    """A pod's labels are its author's; only its namespace's name is not."""
    shops = policies.policies(shop(ingress={"host": "shop.example"}, network={"operatorNamespace": "home"}, ops={}))
    for policy in (*shops, *(each for each in consumers.companions(consumer()) if each["kind"] == "NetworkPolicy")):
        for peer in (peer for rule in policy["spec"]["ingress"] for peer in rule["from"]):
            elsewhere = peer.get("namespaceSelector")
            assert elsewhere is None or "kubernetes.io/metadata.name" in str(elsewhere), (
                policy["metadata"]["name"],
                peer,
            )


@pytest.mark.security(35)
def test_a_domain_is_taken_for_no_other_part_of_its_shop(consumer: Make) -> None:
    body = owned(consumer(), "shop")
    body["metadata"]["name"] = "cm-server"
    marks = consumers.labels_of(body)
    assert (marks[NAME], marks[INSTANCE]) == ("consumer", "shop")


@pytest.mark.security(35)
def test_nobody_connects_to_a_consumer_of_ones_own_save_for_metrics(consumer: Make) -> None:
    budget, policy = consumers.companions(consumer(probes={"port": 9000}))
    assert budget["kind"] == "PodDisruptionBudget" and budget["spec"]["maxUnavailable"] == 1
    chosen = consumers.deployment(consumer())["spec"]["template"]["metadata"]["labels"].items()
    for each in (budget["spec"]["selector"], policy["spec"]["podSelector"]):
        assert each["matchLabels"].items() <= chosen
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"port": 9000, "protocol": "TCP"}] and policy["spec"]["policyTypes"] == ["Ingress"]
    (_, closed) = consumers.companions(consumer(probes={"port": 9000}, scrapers=[]))
    assert closed["spec"]["ingress"] == []
    assert [each["kind"] for each in consumers.companions(consumer(networkPolicy=False))] == ["PodDisruptionBudget"]
    assert [each["kind"] for each in consumers.companions(owned(consumer(), "shop"))] == ["PodDisruptionBudget"]


def secret(annotation: str | None, **values: str) -> Manifest:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    marks = {} if annotation is None else {kafka_login.ADDRESSES: annotation}
    return {"metadata": {"name": "login", "namespace": "ns", "annotations": marks}, "data": data}


LOGIN = {"sasl": "scram_sha512", "username": "me", "password": "x"}


@pytest.mark.security(34)
@pytest.mark.parametrize("field", ["secretRef", "kedaSecretRef"])
@pytest.mark.parametrize(
    ("annotation", "addresses", "sent"),
    [
        (None, "own.example:19092", True),
        ("kafka:9092", "kafka:9092", True),
        ("kafka:9092", "kafka.ns.svc.cluster.local:9092", True),
        ("a:1, [fd00::1]:2", "[fd00::1]:2,a.ns.svc:1", True),
        ("kafka:9092", "own.example:19092", False),
        ("kafka:9092", "kafka:9092,own.example:9092", False),
        ("kafka:9092", "kafka.other.svc:9092", False),
        ("kafka:9092", "kafka:9093", False),
        ("", "kafka:9092", False),
        (" , ", "kafka:9092", False),
        ("kafka:9092", "kafka.ns.svc.own.example:9092", False),
        ("kafka:9092", "kafka.ns.svc.cluster.local.own.example:9092", False),
        ("kafka:9092", "kafka@own.example:9092", False),
        ("", "kafka:9092", False),
    ],
)
def test_a_login_is_sent_only_where_its_owner_says(field: str, annotation: str, addresses: str, sent: bool) -> None:
    kafka = {"bootstrapServers": addresses, field: {"name": "login"}}
    if sent:
        kafka_login.read(kafka, lambda _: secret(annotation, **LOGIN))
    else:
        with pytest.raises(BadSecret, match=f"kafka.{field}.*is not for .*:[0-9]+: .*{kafka_login.ADDRESSES}"):
            kafka_login.read(kafka, lambda _: secret(annotation, **LOGIN))


@pytest.mark.security(34)
def test_a_password_is_never_sent_in_the_clear() -> None:
    kafka = {"bootstrapServers": "kafka:9092", "secretRef": {"name": "login"}}
    with pytest.raises(BadSecret, match="sasl plaintext without tls"):
        kafka_login.read(kafka, lambda _: secret(None, **LOGIN | {"sasl": "plaintext"}))
    kafka_login.read(kafka, lambda _: secret(None, **LOGIN | {"sasl": "plaintext", "tls": "enable"}))


def test_a_policy_that_is_not_asked_for_any_more_goes_and_nobody_elses(consumer: Make) -> None:
    body = consumer()
    own = next(each for each in consumers.companions(body) if each["kind"] == "NetworkPolicy")
    foreign = own | {"metadata": own["metadata"] | {"name": "theirs", "ownerReferences": []}}
    cluster = FakeCluster(own, foreign)
    without = consumer(networkPolicy=False)
    wanted = desired(without, Scaling(Decision(1, "Auto", ""), Limits(0, 20, None, 100), 12, 0, True, True, ()))
    for _ in range(2):
        prune_consumer(cluster, Resource.of(without), wanted)
    assert [live["metadata"]["name"] for live in cluster.of("NetworkPolicy")] == ["theirs"]
    assert "get" not in {call[0] for call in cluster.calls}, "what is not there is not asked for at each look"
