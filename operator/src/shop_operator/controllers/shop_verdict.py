"""Is a Shop ready, or what is the first thing that it waits for? And two conditions of its own beside that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers.indexes import Indexes
from shop_operator.controllers.resource import Resource, ready
from shop_operator.controllers.shop_applier import Applied
from shop_operator.decisions import scaling_progress, warm_up
from shop_operator.decisions.conditions import Condition, condition, rollout
from shop_operator.desired import credentials, http_services, index_job
from shop_operator.desired.base import selector
from shop_operator.desired.http_services import Tier
from shop_operator.desired.shop_objects import DesiredShop


@dataclass(frozen=True)
class Found:
    """What was read beside what was applied: the consumers, and two conditions that keep a Shop from being ready."""

    children: list[Manifest]
    scales: Condition
    needs: Condition


class ShopVerdict:
    """Asks the API server only about what is awaited."""

    def __init__(self, cluster: Cluster, causes: Causes, indexes: Indexes) -> None:
        self._cluster, self._causes, self._indexes = cluster, causes, indexes

    def ready(self, shop: Resource, wanted: DesiredShop, applied: Applied, found: Found) -> Condition:
        """Ready, or the first thing that is waited for."""
        if applied.refusal:
            return condition("Ready", False, "Refused", applied.refusal)
        server, api, *others = wanted.tiers
        waiting = (
            self._late(shop, applied, (server, api))
            or self._without_indexes(shop, wanted, applied)
            or _without_consumers(shop, found.children)
        )
        if waiting is not None:
            return waiting
        for worse in (found.scales, found.needs):
            if worse.holds:
                return condition("Ready", False, worse.reason, worse.message)
        # Last, as nobody who buys misses it.
        return self._late(shop, applied, others) or condition("Ready", True, "Running", "All parts are ready.")

    def scales(self, shop: Resource, wanted: DesiredShop) -> Condition:
        """Does the autoscaler of each tier that has one act?"""
        for tier in wanted.tiers:
            if http_services.fixed_replicas(tier) is None:
                name = http_services.full_name(shop.body, tier.name)
                hpa = self._cluster.get("HorizontalPodAutoscaler", shop.namespace, name)
                since = scaling_progress.failing_since(hpa)
                age = (datetime.now(UTC) - warm_up.instant(since)).total_seconds() if since else 0.0
                if said := scaling_progress.autoscaler(tier.name, hpa, age):
                    return condition(scaling_progress.KIND, True, "HpaFailing", said)
        return condition(scaling_progress.KIND, False, "Fine", "No autoscaler of this Shop fails.")

    def _late(self, shop: Resource, applied: Applied, tiers: Sequence[Tier]) -> Condition | None:
        """What the first of these tiers waits for that has not all it asks for."""
        for tier in tiers:
            live = applied.tiers.get(tier.name)
            if not rollout(live, []).holds:
                chosen = selector(tier.name, shop.name)
                causes = self._causes.of_pods(shop.namespace, chosen, tier.credentials.folders)
                return rollout(live, causes.pods, causes.cause)
        return None

    def _without_indexes(self, shop: Resource, wanted: DesiredShop, applied: Applied) -> Condition | None:
        if index_job.done(applied.job):
            return None
        name = wanted.job["metadata"]["name"]
        if cause := self._indexes.cause(shop, applied.job):
            return condition("Ready", False, "IndexesFailing", f"Job {name} makes MongoDB's indexes: {cause}")
        message = f"Job {name} makes MongoDB's indexes; consumers start after it (kubectl logs job/{name})."
        return condition("Ready", False, "Waiting", message)


def _without_consumers(shop: Resource, children: Sequence[Manifest]) -> Condition | None:
    missing = len(shop.spec.get("consumers", [])) - len(children)
    waited = [child["metadata"]["name"] for child in children if not ready(child)]
    if missing <= 0 and not waited:
        return None
    which = ", ".join(waited) or "those just made"
    message = f"ShopConsumers that are not ready: {which} (kubectl describe shopconsumer)."
    return condition("Ready", False, "Waiting", message)


def open_to_all(shop: Resource, wanted: DesiredShop) -> Condition:
    """By what the pods are told: whatever else the spec says, that is what runs."""
    pods = wanted.workloads[http_services.SERVER].deployment["spec"]["template"]["spec"]
    if credentials.open_to_all(pods["containers"][0]["env"]):
        message = "Everybody who reaches the shop may do everything: set spec.auth.mode to apikey or jwt."
        return condition("AuthenticationDisabled", True, "AuthenticationModeNone", message)
    return condition(
        "AuthenticationDisabled",
        False,
        "AuthenticationEnabled",
        f"Callers are asked who they are ({shop.spec['auth']['mode']}).",
    )
