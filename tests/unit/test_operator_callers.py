"""Who reaches cm-server's port by the Shop's NetworkPolicy, as a CNI that enforces it would decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from cm_server.rate_limit.trusted_proxies import networks
from shop_operator.desired import base, callers, http_services, policies

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
INGRESS: Manifest = {"ingress": {"className": "nginx", "host": "shop.example"}}
ROUTE: Manifest = {"gateway": {"parentRefs": [{"name": "public", "namespace": "edge"}, {"name": "inner"}]}}
ROOT = Path(__file__).resolve().parents[2]
HOME = "ns"  # of the Shop


@dataclass(frozen=True)
class Peer:
    """A pod, or where `namespace` is empty, an address outside of all pods."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = "10.42.0.9"


CONTROLLER = Peer("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"})
OPERATOR = Peer(HOME, {"app.kubernetes.io/name": "shop-operator"})
PROMETHEUS = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
NODE = Peer(address="192.0.2.17")
STRANGERS = {
    "a pod elsewhere": Peer("team-b", {"app": "anything"}),
    "a pod beside the Shop": Peer(HOME, {"app": "anything"}),
    "who calls itself the controller": Peer("team-b", CONTROLLER.labels),
    "who calls itself Prometheus": Peer("team-b", PROMETHEUS.labels),
    "who calls its namespace the controller's": Peer("team-b", {"kubernetes.io/metadata.name": "ingress-nginx"}),
    "another pod of a monitoring namespace": Peer("monitoring", {"app": "grafana"}),
    "a namespace that begins alike": Peer("ingress-nginx-2"),
    "the Shop's own cm-api": Peer(HOME, {"app.kubernetes.io/name": "cm-api", "app.kubernetes.io/instance": "shop"}),
    "the Shop's own cm-ops": Peer(HOME, {"app.kubernetes.io/name": "cm-ops", "app.kubernetes.io/instance": "shop"}),
    "the Shop's own consumer": Peer(HOME, {"app.kubernetes.io/component": "consumer"}),
    "a Gateway's pod elsewhere": Peer("team-b", {"gateway.networking.k8s.io/gateway-name": "public"}),
    "a node": NODE,
    "the world": Peer(address="203.0.113.9"),
}


def reaches(peer: Peer, shop: Manifest, port: int = 8080) -> bool:
    """NetworkPolicy's rules for one pod, cm-server's: any rule, any peer of it."""
    (policy,) = (each for each in policies.policies(shop) if each["metadata"]["name"] == "shop-cm-server")
    rules = [rule for rule in policy["spec"]["ingress"] if port in [each["port"] for each in rule["ports"]]]
    return any("from" not in rule or any(is_meant(each, peer) for each in rule["from"]) for rule in rules)


def is_meant(said: Manifest, peer: Peer) -> bool:
    if "ipBlock" in said:
        return not peer.namespace and ip_address(peer.address) in ip_network(said["ipBlock"]["cidr"])
    place = {"kubernetes.io/metadata.name": peer.namespace}
    here = chosen(said["namespaceSelector"], place) if "namespaceSelector" in said else peer.namespace == HOME
    return bool(peer.namespace) and here and chosen(said.get("podSelector", {}), peer.labels)


def chosen(selector: Manifest, labels: dict[str, str]) -> bool:
    named = selector.get("matchLabels", {}).items() <= labels.items()
    terms = selector.get("matchExpressions", [])
    assert all(term["operator"] == "In" for term in terms)
    return named and all(labels.get(term["key"]) in term["values"] for term in terms)


@pytest.mark.security(10, 32)
@pytest.mark.parametrize("door", [INGRESS, ROUTE], ids=["ingress", "route"])
def test_behind_a_door_only_controllers_and_who_needs_it_reach_cm_server(door: Manifest, shop: Make) -> None:
    body = shop(**door)
    for namespace in callers.CONTROLLERS:
        assert reaches(Peer(namespace, {"app": "whatever its labels are"}), body), namespace
    assert reaches(OPERATOR, body) and reaches(PROMETHEUS, body)
    assert reaches(Peer(HOME, PROMETHEUS.labels), body)
    assert not [name for name, peer in STRANGERS.items() if reaches(peer, body)]


def test_the_pods_of_a_routes_gateways_reach_it_where_the_gateway_is(shop: Make) -> None:
    label, route, entry = "gateway.networking.k8s.io/gateway-name", shop(**ROUTE), shop(**INGRESS)
    for namespace, name in (("edge", "public"), (HOME, "inner")):
        assert reaches(Peer(namespace, {label: name}), route)
        assert not reaches(Peer(namespace, {label: name}), entry)
        assert not reaches(Peer(namespace, {label: "another"}), route)


@pytest.mark.security(32)
def test_networks_of_the_proxy_may_connect_and_only_they_are_believed(shop: Make) -> None:
    """A controller on the hosts' network and a load balancer outside the cluster come from addresses, not from pods."""
    for door in (INGRESS, ROUTE):
        ((kind, said),) = door.items()
        body = shop(**{kind: said | {"proxyNetworks": ["192.0.2.16/28"]}})
        assert reaches(NODE, body) and not reaches(STRANGERS["the world"], body)
        assert http_services.server(body).env["HTTP_TRUSTED_PROXY_NETWORKS"] == "192.0.2.16/28"


def test_whoever_is_named_comes_instead_of_the_usual_ones(shop: Make) -> None:
    till = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tills"}}}
    named = shop(**INGRESS, network={"callers": [till]})
    assert reaches(Peer("tills"), named) and not reaches(CONTROLLER, named)
    assert reaches(OPERATOR, named) and reaches(PROMETHEUS, named)

    nobody = shop(**INGRESS, network={"callers": [], "scrapers": []})
    assert reaches(OPERATOR, nobody)
    assert not [peer for peer in (CONTROLLER, PROMETHEUS, *STRANGERS.values()) if reaches(peer, nobody)]

    everybody = shop(**INGRESS, network={"callers": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}]})
    assert all(reaches(peer, everybody) for peer in STRANGERS.values())


@pytest.mark.security(32)
def test_without_a_door_services_of_the_cluster_call_and_no_header_is_believed(shop: Make) -> None:
    body = shop()
    assert all(reaches(peer, body) for peer in (CONTROLLER, *STRANGERS.values()))
    assert "HTTP_TRUSTED_PROXIES" not in http_services.server(body).env
    closed = shop(network={"callers": []})
    assert reaches(OPERATOR, closed) and not reaches(CONTROLLER, closed)


def test_behind_the_policy_whoever_connects_is_believed(shop: Make) -> None:
    said = http_services.server(shop(**INGRESS)).env["HTTP_TRUSTED_PROXY_NETWORKS"]
    for address in ("10.42.0.9", "192.0.2.17", "fd00:42::9"):
        assert any(ip_address(address) in network for network in networks(said))


@pytest.mark.security(10)
def test_no_other_port_and_no_rule_for_everybody(shop: Make) -> None:
    (policy,) = (each for each in policies.policies(shop(**INGRESS)) if each["metadata"]["name"] == "shop-cm-server")
    assert all(rule.get("from") for rule in policy["spec"]["ingress"]), "a rule without peers is everybody"
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == {8080}


def test_docs_and_charts_name_the_same_namespaces() -> None:
    told = (ROOT / "docs" / "how-to" / "security.md").read_text()
    assert not [namespace for namespace in callers.CONTROLLERS if f"`{namespace}`" not in told]
    for chart in ("kafka", "mongodb", "shop-operator", "scalable-shop"):
        values = yaml.safe_load((ROOT / "charts" / chart / "values.yaml").read_text())
        assert values["global"]["scrapers"] == base.prometheus(), chart
