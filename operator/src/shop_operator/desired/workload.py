"""A Deployment and its number of pods, apart: the Deployment never names `replicas`, which are KEDA's, the HPA's or the
scaling manager's."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.desired.base import Manifest


@dataclass(frozen=True)
class Workload:
    """`first` is the number of pods for a fresh one, `fixed` the number to hold where no autoscaler does."""

    deployment: Manifest
    first: int
    fixed: int | None

    def replicas(self) -> Manifest:
        """What the scaling manager applies: nothing but the number of pods."""
        head = {name: self.deployment["metadata"][name] for name in ("name", "namespace")}
        count = self.first if self.fixed is None else self.fixed
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": head, "spec": {"replicas": count}}
