"""Evictions as `kubectl drain` asks for them: each again while its budget (PodDisruptionBudget) is used up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shop_cluster.commands import ClusterError
from shop_cluster.installation import Installation
from shop_cluster.kafka_nodes import called, ready

Manifest = dict[str, Any]
REFUSED = "TooManyRequests"


def evict(shop: Installation, pod: Manifest, dry: bool = False) -> bool:
    """Whether the API server took it: it answers 429 while the budget is used up. Only this very pod is meant, and none
    that came in its place under its name."""
    name = called(pod)
    options = {"preconditions": {"uid": pod["metadata"]["uid"]}} | ({"dryRun": ["All"]} if dry else {})
    head = {"name": name, "namespace": shop.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": head, "deleteOptions": options}
    where = f"/api/v1/namespaces/{shop.namespace}/pods/{name}/eviction"
    try:
        shop.k8s.kubectl("create", "--raw", where, "-f", "-", stdin=json.dumps(body))
    except ClusterError as error:
        if REFUSED in str(error):
            return False
        raise
    return True


@dataclass(frozen=True)
class Budget:
    """One budget of a release, and the pods that it counts."""

    shop: Installation
    name: str

    @property
    def status(self) -> Manifest:
        found: Manifest = self.shop.get("poddisruptionbudget", self.name)["status"]
        return found

    def pods(self) -> list[Manifest]:
        labels = self.shop.get("poddisruptionbudget", self.name)["spec"]["selector"]["matchLabels"]
        return self.shop.pods("-l", ",".join(f"{key}={value}" for key, value in labels.items()))

    def kept(self) -> bool:
        """Whether as many are ready as it asks for, by the pods themselves: its own status may be of a moment ago."""
        return sum(map(ready, self.pods())) >= int(self.status["expectedPods"]) - 1


def budgets(shop: Installation) -> list[Budget]:
    """All of a release; each lets one pod go."""
    found = shop.get("poddisruptionbudgets")["items"]
    assert {budget["spec"].get("maxUnavailable") for budget in found} == {1}
    return [Budget(shop, called(budget)) for budget in found]
