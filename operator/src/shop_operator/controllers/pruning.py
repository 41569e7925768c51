"""Deletes what a Shop or ShopConsumer once made and no longer asks for, and nothing of anybody else."""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired.base import made_by, text
from shop_operator.desired.consumer import selector
from shop_operator.desired.consumer_objects import DesiredConsumer
from shop_operator.desired.shop_objects import DesiredShop, Key

# What a Shop may have made at another time and no longer wants. ShopConsumers last, as they may wait for their lag.
PRUNED = (
    "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Service",
    "Deployment", "ServiceAccount", "Job", "ShopConsumer",
)  # fmt: skip


class ShopPruner:
    """Looks for it only when what a Shop asks for has changed since it last did."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._cluster, self._reporter = cluster, reporter
        self._pruned: dict[tuple[str, str], tuple[str, frozenset[Key]]] = {}

    def prune(self, shop: Resource, wanted: DesiredShop) -> None:
        kept = wanted.keys
        if self._pruned.get(shop.place) == (shop.uid, kept):
            return
        for kind in PRUNED:
            for live in self._cluster.list(kind, shop.namespace, made_by(shop.name)):
                name = live["metadata"]["name"]
                if (kind, name) not in kept and shop.owns(live):
                    self._cluster.delete(live)
                    self._reporter.event(shop.body, "Removed", f"{kind} {name} is no longer asked for.")
        self._pruned[shop.place] = shop.uid, kept

    def forget(self, namespace: str, name: str) -> None:
        """The Shop is gone."""
        self._pruned.pop((namespace, name), None)


def prune_consumer(cluster: Cluster, consumer: Resource, wanted: DesiredConsumer) -> None:
    """Take the companions away that an earlier spec asked for."""
    for kind in wanted.unwanted:
        # Listed, not got: what is not there would be asked for again at each look.
        for live in cluster.list(kind, consumer.namespace, text(selector(consumer.body))):
            if consumer.owns(live):
                cluster.delete(live)
