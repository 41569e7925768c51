"""All that a Shop asks for, as one value: a reconcile applies it, and a prune keeps what is in it.

Built once a reconcile, so that nothing can be applied that the prune then takes for something of another time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop_operator.desired import http_services, index_job, policies, shop_consumers
from shop_operator.desired.base import Manifest
from shop_operator.desired.http_services import Tier
from shop_operator.desired.ingress import door
from shop_operator.desired.workload import Workload

# Kind and name, within the Shop's namespace.
Key = tuple[str, str]


@dataclass(frozen=True)
class DesiredShop:
    """The objects of one Shop. `workloads` are the tiers' Deployments by the tier's name, in the order of `tiers`;
    `companions` are all but those, the Job and the consumers."""

    tiers: tuple[Tier, ...]
    companions: tuple[Manifest, ...]
    job: Manifest
    workloads: Mapping[str, Workload]
    consumers: tuple[Manifest, ...]

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Every object, in the order in which they are applied."""
        deployments = [each.deployment for each in self.workloads.values()]
        return (*self.companions, self.job, *deployments, *self.consumers)

    @property
    def keys(self) -> frozenset[Key]:
        """What a prune keeps."""
        return frozenset((each["kind"], each["metadata"]["name"]) for each in self.manifests)


def desired(shop: Manifest, warm: Manifest | None) -> DesiredShop:
    """`warm` is the warm-up that some of the consumers take part in."""
    tiers = http_services.tiers(shop)
    beside_tiers = [entry for tier in tiers for entry in http_services.companions(shop, tier)]
    return DesiredShop(
        tiers=tiers,
        companions=(*beside_tiers, shop_consumers.service_account(shop), *policies.policies(shop), *door(shop)),
        job=index_job.job(shop),
        workloads={tier.name: _workload(shop, tier) for tier in tiers},
        consumers=tuple(shop_consumers.consumers(shop, warm)),
    )


def _workload(shop: Manifest, tier: Tier) -> Workload:
    fixed = http_services.fixed_replicas(tier)
    first = tier.spec["autoscaling"]["minReplicas"] if fixed is None else fixed
    return Workload(http_services.deployment(shop, tier), first, fixed)
