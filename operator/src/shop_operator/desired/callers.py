"""Who may connect to cm-server, and who is believed there: whoever connects may write X-Forwarded-For.

The limits count a caller by that header, so that by default only proxies reach the port: pods of the namespaces that
ingress controllers are installed in, of the Gateways that the route names, and what `proxyNetworks` says.
"""

from __future__ import annotations

from shop_operator.desired.base import Manifest, in_namespaces

# Where controllers stand by their own instructions and in distributions of Kubernetes. Who may make a namespace of such
# a name, or pods in one, is trusted.
CONTROLLERS = (
    "ambassador",
    "apisix",
    "contour",
    "envoy-gateway-system",
    "gateway",
    "haproxy-controller",
    "haproxy-ingress",
    "ingress",
    "ingress-apisix",
    "ingress-nginx",
    "istio-ingress",
    "istio-system",
    "kgateway-system",
    "kong",
    "kube-system",
    "nginx-gateway",
    "nginx-ingress",
    "openshift-ingress",
    "projectcontour",
    "traefik",
)
_EVERYBODY = ("0.0.0.0/0", "::/0")
_OF_GATEWAY = "gateway.networking.k8s.io/gateway-name"


def peers(shop: Manifest) -> list[Manifest] | None:
    """Who may connect beside the Shop's own parts, as peers of a NetworkPolicy; None is everybody."""
    said, door = shop["spec"].get("network", {}).get("callers"), _door(shop)
    if said is None and not door:
        # No header is believed then, and other services of the cluster are all that can call.
        return None
    chosen = [in_namespaces(CONTROLLERS), *_gateways(shop)] if said is None else said
    return [*chosen, *({"ipBlock": {"cidr": network}} for network in door.get("proxyNetworks", []))]


def trusted(shop: Manifest) -> dict[str, str]:
    """cm-server's settings of whose word on a caller's address is taken: the one proxy's, where there is one."""
    door = _door(shop)
    if not door:
        return {}
    # Without networks the policy has chosen who connects.
    networks = door.get("proxyNetworks") or _EVERYBODY
    return {"HTTP_TRUSTED_PROXIES": "1", "HTTP_TRUSTED_PROXY_NETWORKS": ",".join(networks)}


def _door(shop: Manifest) -> Manifest:
    return shop["spec"].get("ingress") or shop["spec"].get("gateway") or {}


def _gateways(shop: Manifest) -> list[Manifest]:
    """Many controllers run a Gateway's pods in the Gateway's namespace, by a label of the Gateway API."""
    named = [] if shop["spec"].get("ingress") else shop["spec"].get("gateway", {}).get("parentRefs", [])
    here = shop["metadata"]["namespace"]
    return [
        in_namespaces([each.get("namespace", here)]) | {"podSelector": {"matchLabels": {_OF_GATEWAY: each["name"]}}}
        for each in named
    ]
