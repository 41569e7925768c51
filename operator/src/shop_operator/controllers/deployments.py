"""A Deployment whose number of pods is somebody else's: made with a first number, then applied without one."""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.decisions.drift import SCALER
from shop_operator.desired.consumer import only_replicas


def deploy(cluster: Cluster, wanted: Manifest, *, first: int, fixed: int | None) -> tuple[Manifest, bool]:
    """Keep `wanted`, which has no `replicas`. `first` is the number for a fresh one, `fixed` the number to hold
    where no autoscaler does. Returns the Deployment and whether a hand had changed it."""
    meta = wanted["metadata"]
    fresh = cluster.get("Deployment", meta["namespace"], meta["name"]) is None
    if fresh:
        # By the scaling manager: what the main manager once named, it could not leave to an autoscaler any more.
        cluster.apply(wanted | {"spec": wanted["spec"] | {"replicas": first}}, SCALER)
    live, repaired = cluster.ensure(wanted, gone=fresh)
    # Only where it differs: what is as it should be is not written at each look.
    if fresh or (fixed is not None and live["spec"].get("replicas") != fixed):
        live = cluster.apply(only_replicas(wanted, first if fixed is None else fixed), SCALER)
    return live, repaired
