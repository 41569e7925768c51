"""An API server in memory, for tests: what was made, and what was asked of it. It knows no schema."""

from __future__ import annotations

import copy
from typing import Any

from shop_operator.adapters.cluster import Cluster, ClusterError
from shop_operator.controllers.consumer import Consumers
from shop_operator.controllers.group_monitor import Groups, Seen
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions.drift import SCALER
from shop_runtime.scaling.group_state import Observation, Partition

Manifest = dict[str, Any]


class FakeCluster(Cluster):
    """The requests that the operator makes, answered from a dictionary. `refusals` are sentences by kind of request."""

    def __init__(self, *objects: Manifest) -> None:
        super().__init__(None)
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.refusals: dict[str, ClusterError] = {}
        self.calls: list[tuple[str, str, str]] = []
        for each in objects:
            self.put(each)

    def put(self, live: Manifest) -> None:
        meta = live["metadata"]
        self.objects[live["kind"], meta.get("namespace", ""), meta["name"]] = copy.deepcopy(live)

    def of(self, kind: str) -> list[Manifest]:
        return [live for (found, _, _), live in self.objects.items() if found == kind]

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        self._called("get", kind, name)
        return copy.deepcopy(self.objects.get((kind, namespace, name)))

    def list(self, kind: str, namespace: str, selector: str, fields: str = "") -> list[Manifest]:
        self._called("list", kind, selector)
        wanted = dict(pair.split("=") for pair in selector.split(",") if pair)
        uid = fields.partition("involvedObject.uid=")[2]
        return [
            copy.deepcopy(live)
            for live in self.of(kind)
            if wanted.items() <= (live["metadata"].get("labels") or {}).items()
            and (not uid or live.get("involvedObject", {}).get("uid") == uid)
        ]

    def serves(self, kind: str) -> bool:
        return True

    def apply(self, manifest: Manifest, manager: str = "", subresource: str = "") -> Manifest:
        kind, meta = manifest["kind"], manifest["metadata"]
        self._called("status" if subresource else "apply", kind, meta["name"])
        live = self.objects.setdefault((kind, meta["namespace"], meta["name"]), {"kind": kind, "metadata": {}})
        if subresource:
            live["status"] = copy.deepcopy(manifest["status"])
        else:
            live |= copy.deepcopy({key: value for key, value in manifest.items() if key != "status"})
            live["metadata"] |= {"uid": f"{kind}-{meta['name']}", "generation": 1}
        return copy.deepcopy(live)

    def patch(self, kind: str, namespace: str, name: str, body: Any, manager: str = "") -> Manifest:
        self._called("patch", kind, name)
        live = self.objects.get((kind, namespace, name))
        if live is None:
            raise ClusterError(404, f"{kind} {name} not found")
        _merge(live, body)
        return copy.deepcopy(live)

    def create(self, manifest: Manifest) -> Manifest:
        meta = manifest["metadata"]
        self._called("create", manifest["kind"], meta["name"])
        if (manifest["kind"], meta["namespace"], meta["name"]) in self.objects:
            raise ClusterError(409, f"{meta['name']} exists")
        self.put(manifest)
        return manifest

    def delete(self, live: Manifest) -> None:
        meta = live["metadata"]
        self._called("delete", live["kind"], meta["name"])
        self.objects.pop((live["kind"], meta["namespace"], meta["name"]), None)

    def _called(self, verb: str, kind: str, name: str) -> None:
        self.calls.append((verb, kind, name))
        if refusal := self.refusals.get(verb):
            raise refusal


class MergingCluster(FakeCluster):
    """With what server-side apply does for a Deployment's two managers: neither takes away what the other names."""

    def apply(self, manifest: Manifest, manager: str = "", subresource: str = "") -> Manifest:
        kind, meta = manifest["kind"], manifest["metadata"]
        before = self.objects.get((kind, meta["namespace"], meta["name"]))
        if kind != "Deployment" or before is None:
            return super().apply(manifest, manager, subresource)
        if manager == SCALER:
            return self.patch(kind, meta["namespace"], meta["name"], {"spec": manifest["spec"]})
        return super().apply(manifest | {"spec": {"replicas": before["spec"]["replicas"], **manifest["spec"]}})


class KnownGroups(Groups):
    """Kafka's answers, as a test says them."""

    def __init__(self) -> None:
        self.group: Observation | None = None
        self.at = 0.0

    def latest(self, body: Manifest) -> Seen | None:
        return Seen(body["metadata"]["generation"], self.at, self.group)

    def sharing(self, body: Manifest, mine: Observation) -> list[str]:
        return []


class ConsumerPlace:
    """One ShopConsumer, looked at as often as a test wants. Kafka has what the test says, in twelve partitions."""

    def __init__(self, body: Manifest) -> None:
        self._where = body["metadata"]["namespace"], body["metadata"]["name"]
        self.cluster, self.groups = MergingCluster(body), KnownGroups()
        self._consumers = Consumers(self.cluster, self.groups, Reporter(self.cluster))

    def look(self, lag: int = 0, *, at: float = 0.0, committed: int = 12_000) -> Manifest:
        """The status after a look at second `at` that found so much lag."""
        even = [(committed // 12, (committed + lag) // 12)] * 12
        known = tuple(Partition(number, 0, end, stored) for number, (stored, end) in enumerate(even))
        self.groups.group, self.groups.at = Observation(known, 1), at
        if not self._consumers.reconcile(*self._where):
            raise LookupError("the ShopConsumer was not reconciled")
        status: Manifest = self.the("ShopConsumer")["status"]
        return status

    def the(self, kind: str) -> Manifest:
        (found,) = self.cluster.of(kind)
        return found

    def runs(self, pods: int) -> None:
        """As KEDA and the kubelet would have it: so many pods are asked for, and ready."""
        live = self.the("Deployment")
        live["spec"]["replicas"] = pods
        live["status"] = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), pods)
        self.cluster.put(live)

    def told(self, reason: str) -> list[str]:
        return [event["message"] for event in self.cluster.of("Event") if event["reason"] == reason]


def _merge(live: Manifest, patch: Manifest) -> None:
    for name, value in patch.items():
        if isinstance(value, dict) and isinstance(live.get(name), dict):
            _merge(live[name], value)
        elif value is None:
            live.pop(name, None)
        else:
            live[name] = copy.deepcopy(value)
