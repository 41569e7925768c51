"""Writes what came of a Shop's reconcile: the columns of its status, and its conditions."""

from __future__ import annotations

from shop_operator.adapters.campaigns_api import UNSEEN, Campaigns, unseen
from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.adapters.dependencies import Dependencies, unavailable
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers.indexes import Indexes
from shop_operator.controllers.resource import Resource, children, ready
from shop_operator.controllers.shop_applier import Applied
from shop_operator.controllers.shop_verdict import Found, ShopVerdict, open_to_all
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions.conditions import Condition, condition
from shop_operator.desired import http_services
from shop_operator.desired.shop_objects import DesiredShop


class ShopStatus:
    """Tells of all Shops."""

    def __init__(
        self,
        cluster: Cluster,
        reporter: Reporter,
        campaigns: Campaigns,
        dependencies: Dependencies,
        causes: Causes,
        indexes: Indexes,
    ) -> None:
        self._cluster, self._reporter = cluster, reporter
        self._campaigns, self._dependencies = campaigns, dependencies
        self._verdict = ShopVerdict(cluster, causes, indexes)

    def report(self, shop: Resource, wanted: DesiredShop, applied: Applied, warm: Manifest | None) -> None:
        found = Found(
            children=children(self._cluster, shop),
            needs=unavailable(self._dependencies.latest(shop.namespace, shop.name)),
            scales=self._verdict.scales(shop, wanted),
        )
        verdict = self._verdict.ready(shop, wanted, applied, found)
        shown = _columns(shop, applied, found, verdict) | ({"warmUp": warm} if warm is not None else {})
        told = self._campaigns.latest(shop.namespace, shop.name)
        before = shop.status.get("conditions", [])
        blind = condition(UNSEEN, *unseen(shop.spec.get("campaignWarmUp"), told, before))
        conditions = [verdict, found.scales, found.needs, open_to_all(shop, wanted), blind]
        self._reporter.status(shop.body, shown, conditions)


def _columns(shop: Resource, applied: Applied, found: Found, verdict: Condition) -> Manifest:
    """As `kubectl get` shows them."""
    running = [child for child in found.children if ready(child)]
    shown: Manifest = {
        "server": _count(applied.tiers.get(http_services.SERVER)),
        "api": _count(applied.tiers.get(http_services.API)),
        "consumers": f"{len(running)}/{len(shop.spec.get('consumers', []))}",
        "lag": sum(child.get("status", {}).get("lag", 0) for child in found.children),
        "reason": "" if verdict.holds else verdict.message,
    }
    if http_services.watched(shop.body):
        shown["ops"] = _count(applied.tiers.get(http_services.OPS))
    return shown


def _count(live: Manifest | None) -> str:
    if live is None:
        return "0/?"
    return f"{live.get('status', {}).get('readyReplicas', 0)}/{live['spec'].get('replicas', 1)}"
