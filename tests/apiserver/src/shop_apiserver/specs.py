"""Specs that say every field of the two resources. Some fields exclude each other, hence several."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
VERSION = "scalable-shop.dev/v1alpha1"

_LABELS = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
_NODES = [{"key": "zone", "operator": "In", "values": ["a"]}]
_POD_TERM = {"labelSelector": _LABELS, "namespaces": ["n"], "namespaceSelector": _LABELS, "topologyKey": "zone"}
_NEAR = {
    "requiredDuringSchedulingIgnoredDuringExecution": [_POD_TERM],
    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": _POD_TERM}],
}
_PEERS = [
    {"podSelector": _LABELS, "namespaceSelector": _LABELS},
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
]
PODS: Manifest = {
    "nodeSelector": {"pool": "shop"},
    "tolerations": [
        {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 60},
    ],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": _NODES, "matchFields": _NODES}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": _NODES, "matchFields": _NODES}}
            ],
        },
        "podAffinity": _NEAR,
        "podAntiAffinity": _NEAR,
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "minDomains": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": _LABELS,
            "nodeAffinityPolicy": "Honor",
            "nodeTaintsPolicy": "Honor",
        }
    ],
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "other",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["kafka"]}],
    "dnsConfig": {"nameservers": ["10.0.0.2"], "searches": ["x"], "options": [{"name": "ndots", "value": "1"}]},
    "podLabels": {"team": "a"},
    "podAnnotations": {"note": "b"},
}
_RESOURCES = {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}


def _key(name: str) -> Manifest:
    return {"name": name, "key": "key", "optional": True}


def _env(prefix: str, *more: Manifest) -> list[Manifest]:
    return [
        {"name": "PLAIN", "value": "x"},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": _key(f"{prefix}-secret")}},
        {"name": "CONFIG", "valueFrom": {"configMapKeyRef": _key(f"{prefix}-config")}},
        {"name": "FIELD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        *more,
    ]


_AMOUNT = {"resourceFieldRef": {"containerName": "consumer", "resource": "limits.cpu", "divisor": "1"}}
_CONSUMER: Manifest = {
    "topic": "orders",
    "group": "billing",
    "image": "registry.example/billing:1",
    "command": ["run"],
    "args": ["fast"],
    "env": _env("env", {"name": "AMOUNT", "valueFrom": _AMOUNT}),
    "pods": PODS,
    "networkPolicy": True,
    "scrapers": _PEERS,
    "resources": _RESOURCES,
    "pullPolicy": "Always",
    "pullSecrets": ["pull"],
    "serviceAccountName": "billing",
    "runAsUser": 1000,
    "readOnlyRootFilesystem": True,
    "probes": {"port": 8090, "liveness": "/healthz", "readiness": "/readyz"},
    "kafka": {
        "bootstrapServers": "kafka:9092",
        "partitions": 12,
        "replicationFactor": 3,
        "minInsyncReplicas": 1,
        "createTopics": True,
        "secretRef": {"name": "login"},
        "kedaSecretRef": {"name": "keda-login"},
        "caSecretRef": {"name": "ca"},
    },
    "secrets": [{"name": "files", "mountPath": "/etc/billing", "keys": ["a"]}],
    "topicConfig": {"retention.ms": "1"},
    "derivedTopics": ["derived"],
    "offsetResetPolicy": "earliest",
    "deadLetterTopic": True,
    "minReplicas": 1,
    "maxReplicas": 12,
    "lagThreshold": 100,
    "mode": "DryRun",
    "databaseGuard": True,
    "maxDelay": "30s",
    "fallback": {"failureThreshold": 3, "replicas": 2, "behavior": "static"},
    "pauseScaleIn": True,
    "replicas": 2,
    "pollingInterval": 5,
    "cooldownPeriod": 60,
    "stopGraceSeconds": 30,
    "warmUp": {"extraReplicas": 1, "until": "2030-01-01T00:00:00Z", "campaign": "c"},
    "drainGraceSeconds": 10,
}
_TIER: Manifest = {
    "pods": PODS,
    "replicas": 2,
    "workers": 1,
    "threads": 16,
    "resources": _RESOURCES,
    "autoscaling": {"minReplicas": 2, "maxReplicas": 5, "cpuPercent": 70},
}
_HANDED_ON = ("minReplicas", "maxReplicas", "topicConfig", "derivedTopics", "pods", "mode")
_SCALING = ("databaseGuard", "maxDelay", "fallback", "pauseScaleIn")
_WAKING = {"minReplicas": 0, "activationLagThreshold": 5, "pauseScaleOut": True}
_DOMAIN = {name: _CONSUMER[name] for name in (*_HANDED_ON, *_SCALING)}
_SHOP: Manifest = {
    "images": {"cmServer": "r/cm-server:1", "cmApi": "r/cm-api:1", "pullPolicy": "Always", "pullSecrets": ["pull"]},
    "kafka": {
        "bootstrapServers": "kafka:9092",
        "topics": {"partitions": 12, "replicationFactor": 3, "minInsyncReplicas": 1, "create": True},
        "secretRef": {"name": "login"},
        "kedaSecretRef": {"name": "keda-login"},
        "caSecretRef": {"name": "ca"},
        "passwordsSecretRef": {"name": "passwords"},
    },
    "mongodb": {
        "database": "shop",
        "port": 27017,
        "uriSecretRef": {"name": "writer", "key": "uri"},
        "consumerUriKeys": {"purchases": "purchases-uri"},
        "readerUriSecretRef": {"name": "reader", "key": "uri"},
        "opsUriSecretRef": {"name": "positions", "key": "uri"},
        "migratorUriSecretRef": {"name": "migrator", "key": "uri"},
        "caSecretRef": {"name": "database-ca"},
    },
    "cache": {"urlSecretRef": {"name": "cache", "key": "url"}, "port": 6379},
    "pods": PODS,
    "server": _TIER | {"env": _env("server"), "docs": {"active": True, "path": "/docs"}},
    "api": _TIER | {"env": _env("api")},
    "ops": {"pods": PODS, "threads": 4, "resources": _RESOURCES, "env": _env("ops")},
    "ingress": {
        "className": "nginx",
        "host": "shop.example",
        "annotations": {"a/b": "c"},
        "proxyNetworks": ["10.42.0.0/16", "fd00:42::/48"],
        "tls": {"secretName": "tls"},
    },
    "networkPolicies": True,
    "network": {"dns": {"ports": [53], "peers": _PEERS}, "callers": _PEERS, "scrapers": _PEERS, "ipFamilies": ["IPv4"]},
    "consumers": [
        _DOMAIN
        | {
            "domain": "purchases",
            "topic": "t",
            "group": "g",
            "lagThreshold": 1,
            "pollingInterval": 5,
            "cooldownPeriod": 60,
            "resources": _RESOURCES,
            "env": _env("domain"),
        },
        {"domain": "catalog", "drainWithin": "30s"} | _WAKING,
    ],
    "campaignWarmUp": {"consumers": ["catalog"], "extraReplicas": 2, "minutesBefore": 10},
    "drainGraceSeconds": 120,
    "auth": {
        "mode": "jwt",
        "apiKeysSecretRef": {"name": "keys"},
        "jwt": {
            "issuer": "https://issuer",
            "audience": "shop",
            "jwksSecretRef": {"name": "jwks"},
            "caSecretRef": {"name": "issuer-ca"},
            "userClaim": "sub",
            "usernameClaim": "name",
            "scopeClaim": "scope",
        },
    },
    "serviceTokenSecretRef": {"name": "token"},
    "limits": {"rules": "600/60", "urlSecretRef": {"name": "limits", "key": "url"}, "port": 6379},
}
_GATEWAY = {
    "parentRefs": [{"name": "public", "namespace": "n", "sectionName": "s", "port": 80}],
    "hostnames": ["shop.example"],
    "proxyNetworks": ["10.42.0.0/16"],
}
_OTHER_SHOP = {name: value for name, value in _SHOP.items() if name != "ingress"} | {
    "gateway": _GATEWAY,
    "cache": {"url": "redis://cache:6379/0"},
    "limits": {"rules": "1/1", "url": "redis://limits:6379/0"},
    "auth": {"mode": "jwt", "jwt": {"issuer": "https://i", "audience": "a", "jwksUrl": "https://issuer/keys"}},
}
# Of its own: ranges bind the class, which the first may change.
_NARROW_SHOP = _SHOP | {"ingress": {"className": "nginx", "host": "shop.example", "sourceRanges": ["192.0.2.0/24"]}}
_BY_TIME = (
    {name: value for name, value in _CONSUMER.items() if name not in ("lagThreshold", "pauseScaleIn")}
    | {"drainWithin": "30s"}
    | _WAKING
)
SPECS: dict[str, list[Manifest]] = {"Shop": [_SHOP, _OTHER_SHOP, _NARROW_SHOP], "ShopConsumer": [_CONSUMER, _BY_TIME]}


def made(kind: str, namespace: str, name: str, spec: Manifest, **meta: Any) -> Manifest:
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": spec,
    }
