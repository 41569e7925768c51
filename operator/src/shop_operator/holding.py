"""The finalizer, and how long a deletion may wait for consumers to drain."""

from __future__ import annotations

from datetime import UTC, datetime

from shop_operator.cluster import Cluster, Manifest

FINALIZER = "scalable-shop.dev/drain"


def hold(cluster: Cluster, body: Manifest, *, wanted: bool) -> None:
    """Put the finalizer on where it is wanted, take it off where it is not."""
    meta = body["metadata"]
    have = meta.get("finalizers", [])
    if (FINALIZER in have) == wanted:
        return
    finalizers = [*have, FINALIZER] if wanted else [name for name in have if name != FINALIZER]
    # With the version that was read: a list is replaced as a whole, and somebody else may be writing it.
    patch = {"metadata": {"finalizers": finalizers, "resourceVersion": meta["resourceVersion"]}}
    cluster.patch(body["kind"], meta["namespace"], meta["name"], patch)


def held(body: Manifest) -> bool:
    return FINALIZER in body["metadata"].get("finalizers", [])


def seconds_left(body: Manifest, moment: datetime | None = None) -> float:
    """Of the grace that a deletion gives the consumers to drain; 0 when it is over, and for a deletion in the
    foreground: there Kubernetes has taken the pods already, and nobody would work the lag off."""
    if "foregroundDeletion" in body["metadata"].get("finalizers", []):
        return 0.0
    since = datetime.fromisoformat(body["metadata"]["deletionTimestamp"])
    gone = ((moment or datetime.now(UTC)) - since).total_seconds()
    return max(0.0, float(body["spec"]["drainGraceSeconds"]) - gone)
