"""The Job that makes MongoDB's indexes: made once, made anew where it failed, and why it does not get on."""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired import credentials, index_job


class Indexes:
    """Keeps the Jobs of all Shops."""

    def __init__(self, cluster: Cluster, reporter: Reporter, causes: Causes) -> None:
        self._cluster, self._reporter, self._causes = cluster, reporter, causes

    def apply(self, shop: Resource, wanted: Manifest) -> Manifest:
        """The Job; one that has failed is deleted, so that the next look makes it anew."""
        name = wanted["metadata"]["name"]
        live = self._cluster.get("Job", shop.namespace, name)
        if live is None:
            return self._cluster.apply(wanted)
        if index_job.failed(live) and not index_job.done(live):
            cause = self.cause(shop, live) or f"kubectl logs job/{name} says why (MongoDB?)."
            message = f"Job {name} failed and is tried again: {cause}"
            self._reporter.event(shop.body, "IndexesFailed", message, warning=True)
            self._cluster.delete(live)
        return live

    def cause(self, shop: Resource, job: Manifest | None) -> str:
        """Why there are no indexes yet; '' where nothing is known."""
        return self._causes.of_job(shop.namespace, job, credentials.of_indexes(shop.body).folders)
