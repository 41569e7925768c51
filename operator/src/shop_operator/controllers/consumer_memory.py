"""What is remembered of a ShopConsumer between two looks; all of it can be lost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from shop_operator.controllers.resource import Resource
from shop_operator.decisions.scaling_progress import Gap
from shop_runtime.scaling.database_guard import Guard
from shop_runtime.scaling.delay_trigger import DelayTrigger
from shop_runtime.scaling.event_age import Ages
from shop_runtime.scaling.rule import Decision
from shop_runtime.scaling.speed import Speed


@dataclass
class Memory:
    """Of one of them, as long as it has this uid."""

    uid: str
    speed: Speed
    guard: Guard = field(default_factory=Guard)
    ages: Ages = field(default_factory=Ages)
    late: DelayTrigger = field(default_factory=DelayTrigger)
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=12))
    unlooked_since: float | None = None
    gap: Gap = field(default_factory=Gap)
    strange_since: float | None = None


class Memories:
    """Of all of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Memory] = {}

    def of(self, consumer: Resource) -> Memory:
        known = self._known.get(consumer.place)
        if known is None or known.uid != consumer.uid:
            known = self._known[consumer.place] = Memory(consumer.uid, Speed(consumer.status.get("ratePerPod")))
        return known

    def forget(self, namespace: str, name: str) -> None:
        """The resource is gone."""
        self._known.pop((namespace, name), None)
