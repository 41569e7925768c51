"""Cases for the operator: a Shop and a ShopConsumer as the API server stores them, with the CRDs' defaults. And a door:
cm-server's routes over a log in memory, without a cm-api."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from cm_server.app import build
from cm_server.context import Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.testing import MemoryPublisher
from shop_operator.desired import consumer as consumers
from shop_operator.desired import http_services, index_job, ingress, policies, shop_consumers

CRDS = Path(__file__).resolve().parents[2] / "charts" / "shop-operator" / "crds"
Manifest = dict[str, Any]
Make = Callable[..., Manifest]


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
def client(publisher: MemoryPublisher) -> FlaskClient:
    return build(Context(publisher, QueryClient("http://127.0.0.1:1")), ServerSettings()).test_client()


@cache
def schema(plural: str) -> Manifest:
    """The OpenAPI schema of a CRD, which takes a tenth of a second to be read."""
    found: Manifest = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    schema: Manifest = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def filled(value: Any, rule: Manifest) -> Any:
    """`value` with the schema's defaults, as the API server stores it."""
    if isinstance(value, list):
        return [filled(entry, rule["items"]) for entry in value]
    if not isinstance(value, dict):
        return value
    known = dict(value)
    for name, inner in rule.get("properties", {}).items():
        if name not in known and "default" in inner:
            known[name] = inner["default"]
        if name in known:
            known[name] = filled(known[name], inner)
    return known


@pytest.fixture
def shop() -> Make:
    """Makes a small Shop with one consumer; keywords replace parts of its spec."""
    base = {
        "images": {"cmServer": "registry.example/cm-server:1", "cmApi": "registry.example/cm-api:1"},
        "kafka": {"bootstrapServers": "shop-kafka:9092"},
        "mongodb": {"uriSecretRef": {"name": "shop-mongodb", "key": "uri"}},
        "consumers": [{"domain": "purchases"}],
    }
    return lambda **spec: _made("Shop", "shops", "shop", {**base, **spec})


@pytest.fixture
def consumer() -> Make:
    """Makes a ShopConsumer of a foreign image; keywords replace parts of its spec."""
    base = {
        "topic": "orders",
        "group": "billing",
        "image": "registry.example/billing:1",
        "kafka": {"bootstrapServers": "kafka:9092"},
        "lagThreshold": 100,
    }
    return lambda **spec: _made("ShopConsumer", "shopconsumers", "billing", {**base, **spec})


@pytest.fixture
def everything() -> Callable[[Manifest], list[Manifest]]:
    """Makes all that a Shop leads to, the Deployments of its consumers included."""
    rule = schema("shopconsumers")["properties"]["spec"]

    def make(body: Manifest) -> list[Manifest]:
        both = http_services.tiers(body)
        made = [http_services.deployment(body, tier) for tier in both]
        made += [entry for tier in both for entry in http_services.companions(body, tier)]
        made += [
            *ingress.door(body),
            *policies.policies(body),
            index_job.job(body),
            shop_consumers.service_account(body),
        ]
        children = shop_consumers.consumers(body)
        for child in children:
            stored = {**child, "spec": filled(child["spec"], rule), "metadata": child["metadata"] | {"uid": "u"}}
            made.append(consumers.deployment(stored))
        return made + children

    return make


def _made(kind: str, plural: str, name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "scalable-shop.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "7"},
        "spec": filled(spec, schema(plural)["properties"]["spec"]),
    }
