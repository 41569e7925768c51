"""NetworkPolicies of a Shop: each part may be reached by those that need it, and may reach what it needs."""

from __future__ import annotations

from shop_operator.desired import callers
from shop_operator.desired.base import Manifest, labels, manifest, prometheus, selector
from shop_operator.desired.credentials import server_ports
from shop_operator.desired.http_services import API, OPS, SERVER, full_name, watched

CONSUMER = "consumer"
INDEXES = "indexes"
_HEALTH = 8090
_DNS_PORTS = [53, 5353]


def policies(shop: Manifest) -> list[Manifest]:
    """One for each part; none where the Shop switches them off."""
    if not shop["spec"].get("networkPolicies", True):
        return []
    name = shop["metadata"]["name"]
    kafka, database = _ports(shop["spec"]["kafka"]["bootstrapServers"]), [shop["spec"]["mongodb"]["port"]]
    cache = [_out([shop["spec"]["cache"]["port"]])] if "cache" in shop["spec"] else []
    server, api, ops = (selector(part, name) for part in (SERVER, API, OPS))
    consumers = {"app.kubernetes.io/instance": name, "app.kubernetes.io/component": CONSUMER}
    indexes = {"app.kubernetes.io/instance": name, "app.kubernetes.io/component": INDEXES}
    guards = [_out(ports)] if (ports := sorted(set(server_ports(shop)))) else []
    watching = [_to(ops, 8082)] if watched(shop) else []
    into_api = [_from(server, 8081), *_scraped(shop, 8081), {"from": [_operator(shop)], "ports": _tcp([8081])}]
    into_server = [*_called(shop), *_scraped(shop, 8080), {"from": [_operator(shop)], "ports": _tcp([8080])}]
    made = [
        _policy(shop, SERVER, server, into_server, [_out(kafka), _to(api, 8081), *watching, *guards]),
        _policy(shop, API, api, into_api, [_out(kafka), _out(database), *cache]),
        _policy(shop, CONSUMER, consumers, _scraped(shop, _HEALTH), [_out(kafka), _out(database), *cache]),
        _policy(shop, INDEXES, indexes, [], [_out(database)]),
    ]
    if watched(shop):
        into_ops = [_from(server, 8082), *_scraped(shop, 8082)]
        made.append(_policy(shop, OPS, ops, into_ops, [_out(kafka), _out(database)]))
    return made


def _policy(
    shop: Manifest, part: str, chosen: dict[str, str], ingress: list[Manifest], egress: list[Manifest]
) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": chosen},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": [_names(shop), *egress],
    }
    marks = labels(part, shop["metadata"]["name"], "policy")
    return manifest("NetworkPolicy", full_name(shop, part), shop, marks, spec=spec)


def _operator(shop: Manifest) -> Manifest:
    """It may stand in another namespace than the Shop; in any other that label may be anybody's."""
    home = shop["spec"].get("network", {}).get("operatorNamespace")
    place = {"matchLabels": {"kubernetes.io/metadata.name": home}} if home else {}
    return {"namespaceSelector": place, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "shop-operator"}}}


def _names(shop: Manifest) -> Manifest:
    """Whoever resolves names: with NodeLocal DNSCache the node, with OpenShift a pod's port 5353."""
    dns = shop["spec"].get("network", {}).get("dns", {})
    ports = [{"port": port, "protocol": way} for port in dns.get("ports", _DNS_PORTS) for way in ("UDP", "TCP")]
    return {"ports": ports} | ({"to": dns["peers"]} if dns.get("peers") else {})


def _out(ports: list[int]) -> Manifest:
    """To any address, since Kafka and MongoDB may stand outside the cluster; on their ports only."""
    return {"ports": _tcp(ports)}


def _from(chosen: dict[str, str], port: int) -> Manifest:
    return {"from": [{"podSelector": {"matchLabels": chosen}}], "ports": _tcp([port])}


def _to(chosen: dict[str, str], port: int) -> Manifest:
    return {"to": [{"podSelector": {"matchLabels": chosen}}], "ports": _tcp([port])}


def _called(shop: Manifest) -> list[Manifest]:
    """An empty list is nobody, where a rule without peers would be everybody."""
    chosen = callers.peers(shop)
    if chosen is None:
        return [{"ports": _tcp([8080])}]
    return [{"from": chosen, "ports": _tcp([8080])}] if chosen else []


def _scraped(shop: Manifest, port: int) -> list[Manifest]:
    return scraped(shop["spec"].get("network", {}).get("scrapers"), port)


def scraped(peers: list[Manifest] | None, port: int) -> list[Manifest]:
    """Who may read metrics; an empty list is nobody, where a rule without peers would be everybody."""
    chosen = prometheus() if peers is None else peers
    return [{"from": chosen, "ports": _tcp([port])}] if chosen else []


def _tcp(ports: list[int]) -> list[Manifest]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _ports(bootstrap: str) -> list[int]:
    return sorted({int(address.rpartition(":")[2]) for address in bootstrap.split(",")})
