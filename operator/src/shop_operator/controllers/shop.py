"""One look at a Shop: its tiers, the door, policies, indexes, and a ShopConsumer for each domain.

What it asks for is one pure value, which is applied, then pruned by, then told of.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.adapters.campaigns_api import Campaigns
from shop_operator.adapters.certificates import Certificates
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.adapters.dependencies import Dependencies
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers import finalizers
from shop_operator.controllers.draining import ShopDrain
from shop_operator.controllers.indexes import Indexes
from shop_operator.controllers.pruning import ShopPruner
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.shop_applier import Applied, ShopApplier
from shop_operator.controllers.shop_status import ShopStatus
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import warm_up
from shop_operator.desired.shop_objects import desired

log = logging.getLogger(__name__)
KIND = "Shop"


class Shops:
    """Keeps every Shop."""

    def __init__(
        self,
        cluster: Cluster,
        reporter: Reporter,
        campaigns: Campaigns,
        dependencies: Dependencies,
        families: list[str] | None = None,
        home: str = "",
    ) -> None:
        self._cluster, self._reporter, self._campaigns = cluster, reporter, campaigns
        self._home = {"ipFamilies": families or ["IPv4"], "operatorNamespace": home}
        causes = Causes(cluster)
        indexes = Indexes(cluster, reporter, causes)
        self._applier = ShopApplier(cluster, reporter, indexes)
        self._certificates = Certificates(cluster)
        self._pruner = ShopPruner(cluster, reporter)
        self._status = ShopStatus(cluster, reporter, campaigns, dependencies, causes, indexes)
        self._drain = ShopDrain(cluster, reporter)

    def reconcile(self, namespace: str, name: str) -> bool:
        """Bring one Shop to what it asks for; False when it is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            metrics.forget(KIND, namespace, name)
            self._certificates.forget(namespace, name)
            self._cluster.forget(KIND, namespace, name)
            self._pruner.forget(namespace, name)
            return False
        if finalizers.held(body):
            finalizers.release(self._cluster, body)
        elif "deletionTimestamp" not in body["metadata"]:
            shop = Resource.of(self._at_home(body))
            if finalizers.drain_asked(body):
                self._drain.drain(shop)
            else:
                self._keep(shop)
        return True

    def _at_home(self, body: Manifest) -> Manifest:
        """With where the operator is. Unless the Shop says otherwise, its pods have addresses as the operator's has."""
        network = self._home | body["spec"].get("network", {})
        return body | {"spec": body["spec"] | {"network": network}}

    def _keep(self, shop: Resource) -> None:
        warm = self._warm_up(shop)
        wanted, applied = desired(shop.body, warm), Applied()
        try:
            self._applier.apply(shop, wanted, applied)
            self._certificates.check(shop.body)
            self._pruner.prune(shop, wanted)
        except ClusterError as error:
            applied.refuse(error)
            log.warning("apply_refused", extra={"resource": shop.name, "error": str(error)})
        self._status.report(shop, wanted, applied, warm)

    def _warm_up(self, shop: Resource) -> Manifest | None:
        """What is warm by now; its beginning and its end are told."""
        before, told = shop.status.get("warmUp"), self._campaigns.latest(shop.namespace, shop.name)
        warm = warm_up.decide(shop.spec.get("campaignWarmUp"), told, before, datetime.now(UTC))
        if event := warm_up.news(before, warm):
            self._reporter.event(shop.body, *event)
        metrics.WARM.labels(shop.namespace, shop.name).set(warm is not None)
        return warm
