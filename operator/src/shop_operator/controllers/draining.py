"""Draining: what a Shop or ShopConsumer does between being asked for it and its deletion, which comes last.

Nothing waits for it that is deleted without being asked to drain; see `finalizers`.
"""

from __future__ import annotations

from shop_operator.adapters.cluster import Cluster
from shop_operator.controllers import finalizers
from shop_operator.controllers.group_monitor import Seen
from shop_operator.controllers.resource import Resource, children
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions.conditions import Condition, condition
from shop_operator.desired import http_services
from shop_operator.desired.base import selector, text
from shop_operator.desired.ingress import door


class ShopDrain:
    """Drains Shops."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._cluster, self._reporter = cluster, reporter

    def drain(self, shop: Resource) -> None:
        """Shut the door, let the consumers drain and go, then delete the Shop; Kubernetes collects the rest."""
        waiting = self._shut(shop) or self._drain_consumers(shop)
        if waiting:
            self._reporter.status(shop.body, {**shop.status, "reason": waiting}, _draining(waiting))
            return
        self._reporter.event(shop.body, "Drained", "The consumers are gone; Kubernetes removes the rest.")
        self._cluster.delete(shop.body)

    def _shut(self, shop: Resource) -> str:
        """No new events: delete cm-server and wait until its last request has been answered."""
        server = http_services.deployment(shop.body, http_services.server(shop.body))
        for entry in (*door(shop.body), server):
            live = self._cluster.get(entry["kind"], shop.namespace, entry["metadata"]["name"])
            if live is not None and shop.owns(live):
                self._cluster.delete(live)
        pods = self._cluster.list("Pod", shop.namespace, text(selector(http_services.SERVER, shop.name)))
        return f"draining: cm-server ends ({len(pods)} pods)" if pods else ""

    def _drain_consumers(self, shop: Resource) -> str:
        """Have the consumers drained, each of which goes when its group has no lag or its grace is over."""
        left = children(self._cluster, shop)
        for child in left:
            if not finalizers.drain_asked(child):
                finalizers.ask_drain(self._cluster, child)
        said = ", ".join(f"{c['metadata']['name']} (lag {c.get('status', {}).get('lag', '?')})" for c in left)
        return f"draining: {said}" if left else ""


class ConsumerDrain:
    """Drains ShopConsumers."""

    def __init__(self, cluster: Cluster, reporter: Reporter) -> None:
        self._cluster, self._reporter = cluster, reporter

    def drain(self, consumer: Resource, seen: Seen | None) -> None:
        """Delete the resource as soon as its group has no lag, or the grace is over."""
        lag = seen.group.lag if seen is not None and seen.group is not None else None
        left = finalizers.seconds_left(consumer.body)
        if lag == 0:
            message = f"Group {consumer.spec['group']} has no lag left; the pods go."
            self._reporter.event(consumer.body, "Drained", message)
        elif left == 0:
            self._reporter.event(consumer.body, "DrainTimedOut", _left_over(consumer, lag), warning=True)
        else:
            self._wait(consumer, lag, left)
            return
        self._cluster.delete(consumer.body)

    def _wait(self, consumer: Resource, lag: int | None, left: float) -> None:
        known = "unknown" if lag is None else str(lag)
        shown = {**consumer.status, "reason": f"draining: lag {known}, at most {left:.0f} s more"}
        told = _draining("The resource is deleted as soon as its group has no lag.")
        self._reporter.status(consumer.body, shown | ({"lag": lag} if lag is not None else {}), told)


def _left_over(consumer: Resource, lag: int | None) -> str:
    rest = "an unknown number of" if lag is None else str(lag)
    topic, group = consumer.spec["topic"], consumer.spec["group"]
    return f"The grace is over; {rest} events stay in {topic} for whoever reads on as {group}."


def _draining(message: str) -> list[Condition]:
    return [condition(kind, kind != "Ready", "Draining", message) for kind in ("Ready", finalizers.DRAINING)]
