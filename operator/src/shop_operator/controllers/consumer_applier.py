"""Applies what a ShopConsumer asks for: what stands beside the pods, the pods, and KEDA's order for them."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.controllers.applier import Applier
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired.consumer_objects import DesiredConsumer


@dataclass
class Applied:
    """What came of it. Filled step by step, as after a refusal the status tells of the parts before it."""

    scaled_object: Manifest | None  # as it was found, until it is applied
    live: Manifest | None = None  # the Deployment
    refusal: str = ""


class ConsumerApplier:
    """Applies all ShopConsumers."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._applier = Applier(cluster, reporter)

    def beside(self, consumer: Resource, wanted: DesiredConsumer) -> None:
        """What stands beside the pods."""
        for each in wanted.companions:
            self._applier.apply(consumer, each)

    def pods(self, consumer: Resource, wanted: DesiredConsumer, applied: Applied) -> None:
        """The Deployment, then KEDA's order for it."""
        applied.live = self._applier.deploy(consumer, wanted.workload)
        if wanted.login is not None:
            self._applier.apply(consumer, wanted.login)
        if wanted.scaled_object is not None:
            applied.scaled_object = self._applier.apply(consumer, wanted.scaled_object)
