"""Applies what a Shop asks for, in the order in which its parts need each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.controllers.applier import Applier
from shop_operator.controllers.indexes import Indexes
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired import index_job
from shop_operator.desired.shop_objects import DesiredShop


@dataclass
class Applied:
    """What came of it. Filled step by step, as after a refusal the status tells of the parts before it."""

    job: Manifest | None = None
    tiers: Mapping[str, Manifest] = field(default_factory=dict)
    refusal: str = ""

    def refuse(self, error: ClusterError) -> None:
        """What the API server refused; the rest was not tried."""
        self.refusal = _explained(error)


class ShopApplier:
    """Applies all Shops."""

    def __init__(self, cluster: Cluster, reporter: Reporter, indexes: Indexes) -> None:
        self._applier, self._indexes = Applier(cluster, reporter), indexes

    def apply(self, shop: Resource, wanted: DesiredShop, applied: Applied) -> None:
        for each in wanted.companions:
            self._applier.apply(shop, each)
        applied.job = self._indexes.apply(shop, wanted.job)
        applied.tiers = {tier: self._applier.deploy(shop, each) for tier, each in wanted.workloads.items()}
        if index_job.done(applied.job):
            for each in wanted.consumers:
                self._applier.apply(shop, each)


def _explained(error: ClusterError) -> str:
    if "httproutes" in str(error) or (error.status == 404 and "not find the requested resource" in str(error)):
        return "The Gateway API is not installed: install its CRDs, or use spec.ingress instead of spec.gateway."
    return str(error)
