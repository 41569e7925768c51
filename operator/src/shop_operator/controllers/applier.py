"""Applies single objects of a Shop or ShopConsumer, and tells by an Event what a hand had changed."""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions.drift import SCALER
from shop_operator.desired.workload import Workload


class Applier:
    """Each method returns the object as it is then."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._cluster, self._reporter = cluster, reporter

    def apply(self, owner: Resource, wanted: Manifest) -> Manifest:
        live, repaired = self._cluster.ensure(wanted)
        return self._told(owner, live, repaired)

    def deploy(self, owner: Resource, wanted: Workload) -> Manifest:
        """A Deployment whose number of pods is somebody else's: made with a first number, then applied without one."""
        deployment, meta = wanted.deployment, wanted.deployment["metadata"]
        fresh = self._cluster.get("Deployment", meta["namespace"], meta["name"]) is None
        if fresh:
            # By the scaling manager: what the main manager once named, it could not leave to an autoscaler any more.
            self._cluster.apply(deployment | {"spec": deployment["spec"] | {"replicas": wanted.first}}, SCALER)
        live, repaired = self._cluster.ensure(deployment, gone=fresh)
        # Only where it differs: what is as it should be is not written at each look.
        if fresh or (wanted.fixed is not None and live["spec"].get("replicas") != wanted.fixed):
            live = self._cluster.apply(wanted.replicas(), SCALER)
        return self._told(owner, live, repaired)

    def _told(self, owner: Resource, live: Manifest, repaired: bool) -> Manifest:
        if repaired:
            what = f"{live['kind']} {live['metadata']['name']}"
            self._reporter.event(
                owner.body, "Repaired", f"{what} had been changed or deleted by hand and is as it should be again."
            )
        return live
