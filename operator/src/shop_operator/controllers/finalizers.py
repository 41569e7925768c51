"""Deletion never waits for the operator: nothing of ours is held by a finalizer. Whoever wants consumers to drain first
asks for it by an annotation; the operator then drains, and deletes the resource itself. See docs/decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from shop_operator.adapters.cluster import Cluster, Manifest

# What versions before held their resources by.
FINALIZER = "scalable-shop.dev/drain"
DRAIN = "scalable-shop.dev/drain"
DRAINING = "Draining"


def release(cluster: Cluster, body: Manifest) -> None:
    """Take off the finalizer of an operator before this one."""
    meta = body["metadata"]
    finalizers = [name for name in meta.get("finalizers", []) if name != FINALIZER]
    # With the version that was read: a list is replaced as a whole, and somebody else may be writing it.
    patch = {"metadata": {"finalizers": finalizers, "resourceVersion": meta["resourceVersion"]}}
    cluster.patch(body["kind"], meta["namespace"], meta["name"], patch)


def held(body: Manifest) -> bool:
    return FINALIZER in body["metadata"].get("finalizers", [])


def drain_asked(body: Manifest) -> bool:
    """Is the resource to be drained and then deleted?"""
    return str((body["metadata"].get("annotations") or {}).get(DRAIN, "")).lower() == "true"


def ask_drain(cluster: Cluster, body: Manifest) -> None:
    """Have another resource of ours drained."""
    meta = body["metadata"]
    cluster.patch(body["kind"], meta["namespace"], meta["name"], {"metadata": {"annotations": {DRAIN: "true"}}})


def seconds_left(body: Manifest, moment: datetime | None = None) -> float:
    """Of the grace that the consumers have to drain, counted from when it was first told; 0 when it is over."""
    grace = float(body["spec"]["drainGraceSeconds"])
    since = _since(body.get("status", {}).get("conditions", []))
    gone = ((moment or datetime.now(UTC)) - since).total_seconds() if since else 0.0
    return max(0.0, grace - gone)


def _since(conditions: Iterable[Manifest]) -> datetime | None:
    for entry in conditions:
        if entry["type"] == DRAINING and entry["status"] == "True":
            return datetime.fromisoformat(entry["lastTransitionTime"])
    return None
