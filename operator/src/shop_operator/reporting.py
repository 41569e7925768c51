"""What is told about a resource: its status, Events of Kubernetes, and metrics."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.cluster import Cluster, ClusterError, Manifest
from shop_operator.resources.event import event
from shop_operator.status import Condition, changed, listed

log = logging.getLogger(__name__)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reporter:
    """Writes only what has changed; an Event that can't be written stops nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def event(self, about: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
        kind = "Warning" if warning else "Normal"
        log.info("event_told", extra=_place(about) | {"reason": reason, "detail": message})
        try:
            self._cluster.create(event(about, kind, reason, message, now()))
        except ClusterError as error:
            metrics.EVENTS_FAILED.inc()
            log.warning("event_failed", extra=_place(about) | {"error": str(error)})

    def status(self, about: Manifest, columns: Manifest, conditions: Iterable[Condition]) -> None:
        """Write the status where it differs, and tell each change of a condition by an Event."""
        found, before = list(conditions), about.get("status", {})
        generation = about["metadata"]["generation"]
        rows = listed(found, before.get("conditions", []), generation, now())
        fresh = columns | {"observedGeneration": generation, "conditions": rows}
        if json.dumps(fresh, sort_keys=True) != json.dumps(before, sort_keys=True):
            head = {name: about["metadata"][name] for name in ("name", "namespace")}
            body = {"apiVersion": about["apiVersion"], "kind": about["kind"], "metadata": head, "status": fresh}
            self._cluster.apply(body, subresource="status")
        for entry in changed(found, before.get("conditions", [])):
            self._tell(about, entry)
        meta = about["metadata"]
        metrics.conditions(about["kind"], meta["namespace"], meta["name"], {c.type: c.holds for c in found})

    def _tell(self, about: Manifest, entry: Condition) -> None:
        if entry.type == "Ready":
            quiet = entry.holds or entry.reason in ("RollingOut", "DeploymentMissing", "Draining", "Waiting")
            self.event(about, entry.reason, entry.message, warning=not quiet)
        elif entry.holds:
            self.event(about, entry.type, entry.message, warning=True)
        elif entry.status == "Unknown":
            self.event(about, entry.reason, entry.message, warning=True)
        else:
            self.event(about, f"{entry.type}Over", entry.message)


def _place(about: Manifest) -> dict[str, str]:
    meta = about["metadata"]
    return {"kind": about["kind"], "namespace": meta["namespace"], "resource": meta["name"]}
