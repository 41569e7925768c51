"""A Shop or ShopConsumer by those of its parts that a reconcile reads in many places, and what is its own on the API
server. What only a builder reads stays in the body."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.adapters.cluster import Cluster, Manifest, controller_of
from shop_operator.desired.base import made_by


@dataclass(frozen=True)
class Resource:
    """One of them, as the API server gave it."""

    body: Manifest
    namespace: str
    name: str
    uid: str
    spec: Manifest
    status: Manifest

    @classmethod
    def of(cls, body: Manifest) -> Resource:
        meta = body["metadata"]
        return cls(body, meta["namespace"], meta["name"], meta["uid"], body["spec"], body.get("status", {}))

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace, self.name

    def owns(self, live: Manifest) -> bool:
        """Whether it made this object; labels alone say nothing, as anybody may write them."""
        return (controller_of(live) or {}).get("uid") == self.uid


def children(cluster: Cluster, shop: Resource) -> list[Manifest]:
    """The ShopConsumers that a Shop has made."""
    return [live for live in cluster.list("ShopConsumer", shop.namespace, made_by(shop.name)) if shop.owns(live)]


def ready(child: Manifest) -> bool:
    """Whether a ShopConsumer is, and says so of its newest spec."""
    have = child.get("status", {})
    fresh = have.get("observedGeneration") == child["metadata"]["generation"]
    return fresh and any(c["type"] == "Ready" and c["status"] == "True" for c in have.get("conditions", []))
