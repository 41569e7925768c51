"""All that a ShopConsumer asks for, as one value, by what its spec says and what was decided of its pods."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.desired import consumer as pods
from shop_operator.desired import scaler
from shop_operator.desired.base import Manifest
from shop_operator.desired.workload import Workload
from shop_runtime.scaling.rule import Decision, Limits


@dataclass(frozen=True)
class Scaling:
    """What was decided. `extra` are the pods that a warm-up adds; `keda`: it is there and scales; `ordered`: it is to
    have an order; `keys` are those of Kafka's login, None while that can't be read."""

    decision: Decision
    limits: Limits
    partitions: int | None
    extra: int
    keda: bool
    ordered: bool
    keys: tuple[str, ...] | None


@dataclass(frozen=True)
class DesiredConsumer:
    """The objects of one ShopConsumer. What is None is left as it is; `unwanted` are the kinds of companions that an
    earlier spec may have asked for."""

    companions: tuple[Manifest, ...]
    unwanted: tuple[str, ...]
    workload: Workload
    login: Manifest | None
    scaled_object: Manifest | None


def desired(consumer: Manifest, scaling: Scaling) -> DesiredConsumer:
    """KEDA's login and order belong together: without an order there is no login either."""
    logs_in = scaling.ordered and scaling.keys is not None
    return DesiredConsumer(
        companions=tuple(pods.companions(consumer)),
        unwanted=() if consumer["spec"].get("networkPolicy", True) else ("NetworkPolicy",),
        workload=_workload(consumer, scaling),
        login=scaler.trigger_authentication(consumer, list(scaling.keys or ())) if logs_in else None,
        scaled_object=_order(consumer, scaling) if scaling.ordered else None,
    )


def _workload(consumer: Manifest, scaling: Scaling) -> Workload:
    decision, limits = scaling.decision, scaling.limits
    pinned = decision.mode == "Pinned"
    first = max(1, limits.minimum) if decision.wanted is None or (limits.dry and not pinned) else decision.wanted
    # A pin is held by us as well: KEDA would not see a hand that scales the Deployment.
    fixed = first if pinned or not (scaling.keda or limits.dry) else None
    return Workload(pods.deployment(consumer), first, fixed)


def _order(consumer: Manifest, scaling: Scaling) -> Manifest:
    limits = scaling.limits
    return scaler.scaled_object(consumer, limits.threshold, scaling.partitions, scaling.extra, limits.cap, limits.floor)
