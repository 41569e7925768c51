"""Conditions and columns: what `kubectl get` and `kubectl describe` say. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shop_operator.decisions.pod_failures import first_trouble

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """One condition; `status` is True, False or Unknown, the message says what to do where something is to be done."""

    type: str
    status: str
    reason: str
    message: str

    @property
    def holds(self) -> bool:
        return self.status == "True"


def condition(kind: str, holds: bool | None, reason: str, message: str) -> Condition:
    return Condition(kind, {True: "True", False: "False", None: "Unknown"}[holds], reason, message)


def listed(conditions: Iterable[Condition], before: Iterable[Manifest], generation: int, now: str) -> list[Manifest]:
    """As the status has them; the time of a condition's last change is kept where its status is the same."""
    known = {entry["type"]: entry for entry in before}
    rows = []
    for entry in conditions:
        old = known.get(entry.type)
        since = old["lastTransitionTime"] if old is not None and old["status"] == entry.status else now
        rows.append(
            {
                "type": entry.type,
                "status": entry.status,
                "reason": entry.reason,
                "message": entry.message[:1024],
                "observedGeneration": generation,
                "lastTransitionTime": since,
            }
        )
    return rows


def changed(conditions: Iterable[Condition], before: Iterable[Manifest]) -> list[Condition]:
    """Those that are news: Ready by any new status or reason, the others when they begin or cease to hold, and a Kafka
    that goes away."""
    known = {entry["type"]: (entry["status"], entry["reason"]) for entry in before}
    news = []
    for entry in conditions:
        status, reason = known.get(entry.type, ("False", entry.reason))
        if (status, reason) == (entry.status, entry.reason):
            continue
        if entry.type == "Ready" or "True" in (status, entry.status) or entry.reason == "KafkaAway":
            news.append(entry)
    return news


def rollout(deployment: Manifest | None, pods: Iterable[Manifest], cause: str = "") -> Condition:
    """Ready: are the pods there that the Deployment asks for, and of its newest template? `cause` is what is known of
    a pod that does not start beside its own status."""
    if deployment is None:
        return condition("Ready", False, "DeploymentMissing", "The Deployment is not there yet.")
    name, have = deployment["metadata"]["name"], deployment.get("status", {})
    asked = deployment["spec"].get("replicas", 1)
    current = have.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    if current and asked == 0:
        return condition("Ready", True, "ScaledToZero", f"Deployment {name} has no pods, as wanted.")
    ready, updated = have.get("readyReplicas", 0), have.get("updatedReplicas", 0)
    trouble = cause or first_trouble(pods)
    if current and updated >= asked and ready >= 1 and have.get("replicas", 0) <= updated:
        # More pods than there is room for: what runs is enough to work, not to be as fast as wanted.
        said = f"{ready} of {asked} pods of Deployment {name} are ready. {trouble}".strip()
        return condition("Ready", True, "Running", said)
    if trouble:
        return condition("Ready", False, "PodsFailing", f"{trouble} See kubectl describe pod, kubectl logs.")
    refused = next((c for c in have.get("conditions", []) if c["type"] == "ReplicaFailure"), None)
    if refused:
        return condition("Ready", False, "PodsRefused", str(refused["message"]))
    stuck = next((c for c in have.get("conditions", []) if c.get("reason") == "ProgressDeadlineExceeded"), None)
    if current and stuck:
        said = (
            f"{ready} of {asked} pods of Deployment {name} are ready, and nothing has moved: {stuck.get('message', '')}"
        )
        return condition("Ready", False, "RolloutHangs", said)
    return condition("Ready", False, "RollingOut", f"{ready} of {asked} pods of Deployment {name} are ready.")


def complete(deployment: Manifest | None) -> bool:
    """Whether each pod that the Deployment asks for is ready, so that none has anything to tell."""
    if deployment is None:
        return False
    ready: int = deployment.get("status", {}).get("readyReplicas", 0)
    return ready >= int(deployment["spec"].get("replicas", 1))
