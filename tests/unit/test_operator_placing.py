"""What a platform team sets on pods of its own can be set on those that the operator makes, for all and by part."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.desired import consumer as consumers
from shop_operator.desired import http_services, index_job, policies, shop_consumers
from shop_operator.desired.base import reachable
from shop_operator.health import Health
from shop_operator.settings import load

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
SCHEDULING: Manifest = {
    "nodeSelector": {"pool": "shop"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "other",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["kafka"]}],
    "dnsConfig": {"searches": ["x"]},
}
SAID = SCHEDULING | {"podLabels": {"team": "a", "app.kubernetes.io/name": "x"}, "podAnnotations": {"note": "b"}}


def templates(body: Manifest) -> dict[str, Manifest]:
    """Every pod that a Shop leads to."""
    found = {tier.name: http_services.deployment(body, tier)["spec"]["template"] for tier in http_services.tiers(body)}
    found["indexes"] = index_job.job(body)["spec"]["template"]
    for child in shop_consumers.consumers(body):
        spec = {"stopGraceSeconds": 30, "readOnlyRootFilesystem": True, **child["spec"]}
        stored = child | {"spec": spec, "metadata": child["metadata"] | {"uid": "u"}}
        found[child["metadata"]["name"]] = consumers.deployment(stored)["spec"]["template"]
    return found


def test_what_is_said_for_all_pods_holds_for_each(shop: Make) -> None:
    for name, template in templates(shop(pods=SAID, ops={})).items():
        assert template["spec"].items() >= SCHEDULING.items(), name
        marks = template["metadata"]["labels"]
        assert marks["team"] == "a" and marks["app.kubernetes.io/name"] != "x", "our own labels count"
        assert template["metadata"]["annotations"] == {"note": "b"}


def test_the_nearest_counts_and_maps_are_merged(shop: Make) -> None:
    near = {"pods": {"nodeSelector": {"disk": "ssd"}, "tolerations": [], "priorityClassName": "low"}}
    body = shop(pods=SAID, server=near, ops=near, consumers=[{"domain": "purchases", **near}])
    found = templates(body)
    for name in ("cm-server", "cm-ops", "purchases"):
        spec = found[name]["spec"]
        assert spec["nodeSelector"] == {"pool": "shop", "disk": "ssd"} and "tolerations" not in spec
        assert spec["priorityClassName"] == "low"
    assert found["cm-api"]["spec"]["priorityClassName"] == "high"


def test_spreading_is_ours_until_it_is_said(shop: Make, consumer: Make) -> None:
    own = templates(shop())["cm-server"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in own] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    said = {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}
    pod = consumers.deployment(consumer(pods={"topologySpreadConstraints": [said]}))["spec"]["template"]["spec"]
    (only,) = pod["topologySpreadConstraints"]
    assert only == said | {"labelSelector": {"matchLabels": {"scalable-shop.dev/consumer": "billing"}}}


def test_policies_let_pods_resolve_names_wherever_the_cluster_answers(shop: Make) -> None:
    def names(**spec: Any) -> list[Manifest]:
        return [policy["spec"]["egress"][0] for policy in policies.policies(shop(**spec))]

    for rule in names():
        assert {(p["port"], p["protocol"]) for p in rule["ports"]} == {
            (port, way) for port in (53, 5353) for way in ("UDP", "TCP")
        }
        assert "to" not in rule, "with NodeLocal DNSCache it is the node that answers"
    peers = [{"ipBlock": {"cidr": "169.254.20.10/32"}}]
    for rule in names(network={"dns": {"ports": [53], "peers": peers}}):
        assert rule["to"] == peers and {p["port"] for p in rule["ports"]} == {53}


def test_any_scraper_can_be_let_in_and_all_can_be_kept_out(shop: Make) -> None:
    def scraped(**network: Any) -> dict[str, list[Manifest]]:
        found = {policy["metadata"]["name"]: policy["spec"] for policy in policies.policies(shop(network=network))}
        return {
            name: [peer for rule in found[name]["ingress"] for peer in rule.get("from", [])]
            for name in ("shop-cm-api", "shop-consumer")
        }

    agent = {"podSelector": {"matchLabels": {"app": "vmagent"}}}
    for peers in scraped(scrapers=[agent]).values():
        assert agent in peers
    assert scraped(scrapers=[])["shop-consumer"] == []
    assert "from" in policies.policies(shop(network={"scrapers": []}))[1]["spec"]["ingress"][0]


@pytest.mark.parametrize(
    ("addresses", "families", "host"),
    [
        ("", ["IPv4"], "0.0.0.0"),
        ("10.0.0.1", ["IPv4"], "0.0.0.0"),
        ("fd00::1", ["IPv6"], "[::]"),
        ("10.0.0.1,fd00::1", ["IPv4", "IPv6"], "[::]"),
    ],
)
def test_pods_listen_on_what_the_cluster_has(addresses: str, families: list[str], host: str, shop: Make) -> None:
    assert load({"OPERATOR_POD_IPS": addresses}).families == families
    body = shop(network={"ipFamilies": families}, ops={})
    for name in ("cm-server", "cm-api", "cm-ops"):
        env = templates(body)[name]["spec"]["containers"][0]["env"]
        assert {"name": "HTTP_HOST", "value": host} in env
    env = templates(body)["purchases"]["spec"]["containers"][0]["env"]
    assert {"name": "HEALTH_HOST", "value": host.strip("[]")} in env


def test_addresses_in_brackets_stay_as_they_are() -> None:
    assert reachable("[fd00::1]:9092,kafka:9092", "ns") == "[fd00::1]:9092,kafka.ns.svc:9092"


@pytest.mark.parametrize("host", ["*", "127.0.0.1", *(["::", "::1"] if socket.has_dualstack_ipv6() else [])])
def test_health_answers_on_either_family(host: str) -> None:
    with Health().serve(host, 0) as port:
        asked = {"127.0.0.1": ["127.0.0.1"], "::1": ["[::1]"]}.get(host, ["127.0.0.1"])
        if host in ("*", "::") and socket.has_dualstack_ipv6():
            asked = [*asked, "[::1]"]
        for address in asked:
            with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=10) as answer:
                assert answer.status == 200
