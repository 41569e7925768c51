"""What is told about a resource: its status, Events of Kubernetes, and metrics."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.controllers.event_recorder import Telling
from shop_operator.decisions.conditions import Condition, changed, condition, listed

log = logging.getLogger(__name__)
OUTDATED = "CustomResourceDefinitionOutdated"
# What is normal for a while, and no warning.
_QUIET = ("RollingOut", "DeploymentMissing", "Draining", "Waiting")
_UNKNOWN = re.compile(r"\.status\.(\w+): field not declared in schema|unknown field \"status\.(\w+)\"")
_BASIC = ("observedGeneration", "conditions", "replicas", "readyReplicas", "selector", "reason", "mode", "lag")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reporter:
    """Writes only what has changed; an Event that can't be written stops nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._telling = cluster, Telling(cluster)

    def event(self, about: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
        kind = "Warning" if warning else "Normal"
        log.info("event_recorded", extra=_place(about) | {"reason": reason, "detail": message})
        try:
            self._telling.tell(about, kind, reason, message, now())
        except ClusterError as error:
            metrics.EVENTS_FAILED.inc()
            log.warning("event_failed", extra=_place(about) | {"error": str(error)})

    def status(self, about: Manifest, columns: Manifest, conditions: Iterable[Condition]) -> None:
        """Write the status where it differs, and tell each change of a condition by an Event once it is written."""
        found, before = list(conditions), about.get("status", {})
        try:
            self._store(about, columns, found)
        except ClusterError as error:
            if not (unknown := undeclared(str(error))):
                raise
            found = self._store_what_is_known(about, columns, found, unknown)
        for entry in changed(found, before.get("conditions", [])):
            self._tell(about, entry)
        meta = about["metadata"]
        metrics.conditions(about["kind"], meta["namespace"], meta["name"], {c.type: c.holds for c in found})

    def _store(self, about: Manifest, columns: Manifest, found: list[Condition]) -> None:
        before, generation = about.get("status", {}), about["metadata"]["generation"]
        rows = listed(found, before.get("conditions", []), generation, now())
        fresh = columns | {"observedGeneration": generation, "conditions": rows}
        if json.dumps(fresh, sort_keys=True) != json.dumps(before, sort_keys=True):
            head = {name: about["metadata"][name] for name in ("name", "namespace")}
            body = {"apiVersion": about["apiVersion"], "kind": about["kind"], "metadata": head, "status": fresh}
            self._cluster.apply(body, subresource="status")

    def _store_what_is_known(
        self, about: Manifest, columns: Manifest, found: list[Condition], unknown: set[str]
    ) -> list[Condition]:
        """The definition is older than this operator: leave out what it lacks, and say so."""
        crd = f"{about['kind'].lower()}s.scalable-shop.dev"
        text = (
            f"The definition {crd} is older than the operator and lacks status.{', status.'.join(sorted(unknown))}:"
            " kubectl apply --server-side -f charts/shop-operator/crds"
        )
        told = [condition(each, each != "Ready", OUTDATED, text) for each in ("Ready", OUTDATED)]
        rest = [entry for entry in found if entry.type not in ("Ready", OUTDATED)]
        known = {name: value for name, value in columns.items() if name not in unknown} | {"reason": text[:400]}
        try:
            self._store(about, known, [*told, *rest])
        except ClusterError as error:
            if not undeclared(str(error)):
                raise
            # The API server may name one field at a time: what every version had is enough to say so.
            basic = {name: value for name, value in known.items() if name in _BASIC}
            self._store(about, basic, [*told, *rest])
        return [*told, *rest]

    def _tell(self, about: Manifest, entry: Condition) -> None:
        if entry.type == "Ready":
            quiet = entry.holds or entry.reason in _QUIET
            self.event(about, entry.reason, entry.message, warning=not quiet)
        elif entry.holds:
            self.event(about, entry.type, entry.message, warning=True)
        elif entry.status == "Unknown":
            self.event(about, entry.reason, entry.message, warning=True)
        else:
            self.event(about, f"{entry.type}Resolved", entry.message)


def undeclared(message: str) -> set[str]:
    """The fields of a status that the API server's sentence calls unknown."""
    return {one or other for one, other in _UNKNOWN.findall(message)}


def _place(about: Manifest) -> dict[str, str]:
    meta = about["metadata"]
    return {"kind": about["kind"], "namespace": meta["namespace"], "resource": meta["name"]}
