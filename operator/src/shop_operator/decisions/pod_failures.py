"""What keeps a pod from running or from being ready, by its own status. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]
_STARTING = (None, "ContainerCreating", "PodInitializing")
_OOM = "OOMKilled"


def first_trouble(pods: Iterable[Manifest]) -> str:
    """The first thing that is wrong with a pod, '' where nothing is. A pod that leaves has nothing to tell."""
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        if found := _of(pod):
            return found
    return ""


def unready(pods: Iterable[Manifest]) -> list[Manifest]:
    """Pods that have a node and are not ready: what the kubelet says of them is worth a question."""
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not _ready(pod) and _scheduled(pod)]


def _of(pod: Manifest) -> str:
    name, have = pod["metadata"]["name"], pod.get("status", {})
    for container in [*have.get("initContainerStatuses", []), *have.get("containerStatuses", [])]:
        state, last = container.get("state", {}), container.get("lastState", {})
        waiting = state.get("waiting", {})
        if ended := state.get("terminated") or last.get("terminated"):
            done = ended.get("exitCode") == 0 and ended.get("reason") == "Completed" and not waiting
            if not container.get("ready") and not done:
                return f"Pod {name}: container {container.get('name', '')} {_ending(pod, container, ended)}"
        if waiting.get("reason") not in _STARTING:
            return f"Pod {name} waits: {waiting['reason']}: {waiting.get('message', '')}".strip(" :") + "."
    for entry in have.get("conditions", []):
        if entry["type"] == "PodScheduled" and entry["status"] == "False" and entry.get("message"):
            return f"Pod {name} has no node: {entry['message']}"
    if have.get("phase") == "Failed":  # evicted, or refused by the node
        return f"Pod {name} failed: {have.get('reason', '')}: {have.get('message', '')}".strip(" :") + "."
    return ""


def _ending(pod: Manifest, container: Manifest, ended: Manifest) -> str:
    """How it ended last; the number of restarts is left out, as a message that changes is no news."""
    if ended.get("reason") == _OOM:
        limit = _limit(pod, container.get("name", ""))
        return f"was killed ({_OOM}): it needs more memory than its limit{limit}. Raise resources.limits.memory."
    code = ended.get("exitCode", "?")
    said = (ended.get("message") or "").strip().splitlines()
    words = f": {said[-1][:200]}" if said else ""
    reason = ended.get("reason", "Error")
    return f"ended with exit code {code} ({reason}){words} (kubectl logs {pod['metadata']['name']} --previous)."


def _limit(pod: Manifest, name: str) -> str:
    for container in pod.get("spec", {}).get("containers", []):
        if container["name"] == name:
            found = container.get("resources", {}).get("limits", {}).get("memory")
            return f" {found}" if found else ""
    return ""


def _ready(pod: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def _scheduled(pod: Manifest) -> bool:
    return bool(pod.get("spec", {}).get("nodeName"))
