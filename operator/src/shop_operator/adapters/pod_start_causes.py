"""Why pods do not start, where their own status does not say it: Secrets and keys that are missing, and what the
kubelet and the Job controller have told by Events. Asked only while pods are awaited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.decisions.pod_failures import first_trouble, unready
from shop_operator.desired.base import text
from shop_operator.desired.pods import Folder

# What the kubelet says of a pod that is not ready, and a controller of pods that it may not make.
_REASONS = ("Unhealthy", "FailedMount", "FailedCreatePodSandBox", "FailedPostStartHook")
_REFUSED = ("FailedCreate",)


@dataclass(frozen=True)
class Found:
    """The pods, and the cause that is known beside their status ('' for none)."""

    pods: list[Manifest]
    cause: str = ""


class Causes:
    """Asks the API server for them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def of_pods(self, namespace: str, chosen: dict[str, str], folders: Iterable[Folder]) -> Found:
        """Of the pods with these labels, which mount these Secrets."""
        pods = self._cluster.list("Pod", namespace, text(chosen))
        if missing := self._missing(namespace, folders):
            return Found(pods, missing)
        if first_trouble(pods):
            return Found(pods)
        for pod in unready(pods):
            if said := self._told(namespace, pod, _REASONS):
                return Found(pods, f"Pod {pod['metadata']['name']} is not ready: {said}")
        return Found(pods)

    def of_job(self, namespace: str, job: Manifest | None, folders: Iterable[Folder]) -> str:
        """Why a Job does not get on; '' where nothing is known."""
        if missing := self._missing(namespace, folders):
            return missing
        if job is None:
            return ""
        name = job["metadata"]["name"]
        found = self.of_pods(namespace, {"batch.kubernetes.io/job-name": name}, ())
        if said := found.cause or first_trouble(found.pods):
            return said
        refused = self._told(namespace, job | {"kind": "Job"}, _REFUSED)
        return f"Job {name} may not make its pod: {refused}" if refused and not found.pods else ""

    def _missing(self, namespace: str, folders: Iterable[Folder]) -> str:
        for folder in folders:
            try:
                secret = self._cluster.get("Secret", namespace, folder.secret)
            except ClusterError:  # its own sentence would hide what pods say
                continue
            if secret is None:
                return f"Secret {folder.secret} does not exist: make it, or correct the name. Pods wait for it."
            for key in folder.keys:
                if key not in (secret.get("data") or {}):
                    return f"Secret {folder.secret} has no key {key}. Pods wait for it."
        return ""

    def _told(self, namespace: str, about: Manifest, reasons: tuple[str, ...]) -> str:
        """The newest message of one of these reasons."""
        chosen = f"involvedObject.uid={about['metadata']['uid']}"
        try:
            events = self._cluster.list("Event", namespace, "", fields=chosen)
        except ClusterError:
            return ""
        fitting = [event for event in events if event.get("reason") in reasons]
        fitting.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return str(fitting[-1].get("message", ""))[:400] if fitting else ""
