"""What the API server refuses of a Shop or ShopConsumer by its schema, whoever writes it, and what it must take."""

from __future__ import annotations

from typing import Any

import pytest

from shop_apiserver.api import Api
from shop_apiserver.specs import made

Manifest = dict[str, Any]
LEAST: dict[str, Manifest] = {
    "Shop": {
        "images": {"cmServer": "a", "cmApi": "b"},
        "kafka": {"bootstrapServers": "k:1"},
        "mongodb": {"uriSecretRef": {"name": "writer", "key": "uri"}},
    },
    "ShopConsumer": {"topic": "t", "group": "g", "image": "i", "kafka": {"bootstrapServers": "k:1"}, "lagThreshold": 1},
}


def mounted(path: str) -> Manifest:
    return {"secrets": [{"name": "s", "mountPath": path}]}


def variable(name: str) -> Manifest:
    return {"env": [{"name": name, "value": "x"}]}


def noted(name: str) -> Manifest:
    return {"ingress": {"host": "shop.example", "annotations": {name: "x"}}}


def proxies(network: str) -> Manifest:
    return {"ingress": {"host": "shop.example", "proxyNetworks": [network]}}


def sources(network: str, **more: str) -> Manifest:
    return {"ingress": {"host": "shop.example", "sourceRanges": [network], **more}}


def consuming(kind: str, spec: Manifest) -> Manifest:
    """Of a ShopConsumer, or of one in a Shop."""
    return {"consumers": [{"domain": "purchases", **spec}]} if kind == "Shop" else spec


def brokers(addresses: str) -> Manifest:
    return {"kafka": {"bootstrapServers": addresses}}


@pytest.mark.security(36)
@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        *(
            ("ShopConsumer", mounted(path), "no folder that the image needs itself")
            for path in ("/tmp", "/etc", "/usr")
        ),
        *(("ShopConsumer", mounted(path), "without dots") for path in ("etc/x", "/a/../etc", "/a/./b", "/a/", "//a")),
        *(("ShopConsumer", mounted(path), "belong to the kernel") for path in ("/proc/1", "/sys", "/dev/x")),
        *(
            ("ShopConsumer", mounted(path), "and to Kubernetes")
            for path in ("/run/secrets", "/var/run/secrets/kubernetes.io/serviceaccount")
        ),
        *(
            ("Shop", {"server": variable(name)}, "use the field")
            for name in (
                "AUTH_MODE",
                "AUTH_JWT_JWKS_URL",
                "LIMITS",
                "CM_API_TOKEN",
                "KAFKA_SASL_USERNAME",
                "LD_PRELOAD",
                "GUNICORN_CMD_ARGS",
                "PYTHONPATH",
            )
        ),
        ("Shop", {"api": variable("MONGODB_URI")}, "use the field"),
        ("Shop", {"consumers": [{"domain": "purchases", **variable("LD_AUDIT")}]}, "use the field"),
        *(
            ("Shop", noted(f"nginx.ingress.kubernetes.io/{name}"), "no snippets")
            for name in (
                *("configuration-snippet", "server-snippet", "auth-url", "auth-tls-secret", "server-alias"),
                *("canary", "canary-weight", "mirror-target", "from-to-www-redirect", "ssl-passthrough"),
            )
        ),
        ("Shop", noted("haproxy-ingress.github.io/config-backend"), "no snippets"),
        *(
            ("Shop", proxies(network), "must be of type cidr")
            for network in ("ingress-nginx", "10.42.0.7", "10.42.0.0/33", "10.42.0.0/16,10.43.0.0/16")
        ),
        ("Shop", sources("192.0.2.7", className="nginx"), "must be of type cidr"),
        ("Shop", sources("192.0.2.0/24", className="traefik"), "className nginx only"),
        ("Shop", sources("192.0.2.0/24"), "className nginx only"),
        *(
            ("ShopConsumer", {"pods": {"podLabels": {name: "x"}}}, "say whose a pod is")
            for name in (
                "app.kubernetes.io/name",
                "scalable-shop.dev/consumer",
                "batch.kubernetes.io/job-name",
                "gateway.networking.k8s.io/gateway-name",
            )
        ),
        ("Shop", {"server": {"pods": {"podLabels": {"app.kubernetes.io/instance": "x"}}}}, "say whose a pod is"),
        *(
            ("ShopConsumer", brokers(addresses), "bootstrapServers must be")
            for addresses in ("kafka", "fd00::1:9092", "[fd00::1]", "[kafka]:9092", "a:1,", "a:1, b:2", "a]:1")
        ),
        *(
            (kind, consuming(kind, spec), words)
            for kind in LEAST
            for spec, words in (
                ({"activationLagThreshold": 5, "minReplicas": 1}, "counts only where minReplicas is 0"),
                ({"fallback": {"failureThreshold": 3, "replicas": 13}}, "above maxReplicas, where KEDA stops"),
                ({"pauseScaleIn": True, "pauseScaleOut": True}, "set mode to DryRun"),
                ({"maxDelay": "30"}, "a whole number with s, m or h"),
                ({"mode": "Off"}, "Unsupported value"),
            )
        ),
    ],
)
def test_it_is_refused_with_what_to_correct(api: Api, namespace: str, kind: str, spec: Manifest, words: str) -> None:
    answer = api.create(made(kind, namespace, "refused", LEAST[kind] | spec))
    assert answer.status == 422 and words in answer.message


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("ShopConsumer", mounted("/etc/billing")),
        ("ShopConsumer", mounted("/var/lib/billing/keys_1")),
        ("Shop", {"server": variable("HTTP_WORKERS")}),
        ("Shop", {"server": variable("KAFKA_CLIENT")}),
        ("Shop", {"server": variable("PYTHONFAULTHANDLER")}),
        ("Shop", noted("cert-manager.io/cluster-issuer")),
        ("Shop", noted("nginx.ingress.kubernetes.io/ssl-redirect")),
        *(("Shop", proxies(network)) for network in ("10.42.0.0/16", "192.0.2.7/32", "fd00:42::/48")),
        ("Shop", sources("192.0.2.0/24", className="nginx")),
        ("ShopConsumer", {"pods": {"podLabels": {"team": "a", "example.org/cost": "b"}}}),
        *(
            (kind, consuming(kind, spec))
            for kind in LEAST
            for spec in (
                {"activationLagThreshold": 5, "minReplicas": 0},
                {"fallback": {"failureThreshold": 3, "replicas": 12}, "pauseScaleIn": True, "pauseScaleOut": False},
            )
        ),
        *(
            (kind, LEAST[kind] | brokers(addresses))
            for kind in LEAST
            for addresses in (
                "[fd00::1]:9092",
                "[fd00::1]:9092,[::ffff:10.0.0.1]:9093,kafka.other.svc:9092",
                "10.0.0.1:1",
            )
        ),
    ],
)
def test_it_is_taken(api: Api, namespace: str, kind: str, spec: Manifest) -> None:
    answer = api.create(made(kind, namespace, "taken", LEAST[kind] | spec))
    assert answer.ok, answer.message
