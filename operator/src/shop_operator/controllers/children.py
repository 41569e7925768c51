"""The ShopConsumers that a Shop has made, as they are on the API server."""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.controllers.resource import Resource
from shop_operator.desired.base import made_by


def children(cluster: Cluster, shop: Resource) -> list[Manifest]:
    return [live for live in cluster.list("ShopConsumer", shop.namespace, made_by(shop.name)) if shop.owns(live)]


def ready(child: Manifest) -> bool:
    """Whether it is, and says so of its newest spec."""
    have = child.get("status", {})
    fresh = have.get("observedGeneration") == child["metadata"]["generation"]
    return fresh and any(c["type"] == "Ready" and c["status"] == "True" for c in have.get("conditions", []))
