"""An Event of Kubernetes about a Shop or ShopConsumer: what `kubectl describe` lists at its end."""

from __future__ import annotations

from shop_operator.desired.base import MANAGED_BY, Manifest


def event(about: Manifest, kind: str, reason: str, message: str, now: str) -> Manifest:
    """`kind` is Normal or Warning."""
    meta = about["metadata"]
    reference = {"apiVersion": about["apiVersion"], "kind": about["kind"]} | {
        name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion") if name in meta
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{meta['name']}.", "namespace": meta["namespace"]},
        "involvedObject": reference,
        "type": kind,
        "reason": reason,
        "message": message[:1024],
        "source": {"component": MANAGED_BY},
        "reportingComponent": MANAGED_BY,
        "reportingInstance": MANAGED_BY,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
