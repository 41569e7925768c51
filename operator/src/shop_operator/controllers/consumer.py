"""One look at a ShopConsumer: Deployment, ScaledObject, status, by what Kafka was seen to hold.

How many pods there are to be is decided first. What that asks for is one pure value, which is applied, then told of.
"""

from __future__ import annotations

import logging

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest, controller_of
from shop_operator.controllers import finalizers
from shop_operator.controllers.consumer_applier import Applied, ConsumerApplier
from shop_operator.controllers.consumer_memory import Memories
from shop_operator.controllers.consumer_scaling import decide
from shop_operator.controllers.consumer_status import ConsumerStatus
from shop_operator.controllers.draining import ConsumerDrain
from shop_operator.controllers.group_monitor import Groups, Seen
from shop_operator.controllers.pruning import prune_consumer
from shop_operator.controllers.resource import Resource
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import kafka_faults
from shop_operator.desired.consumer_objects import desired

log = logging.getLogger(__name__)
KIND = "ShopConsumer"


class Consumers:
    """Keeps every ShopConsumer."""

    def __init__(self, cluster: Cluster, groups: Groups, reporter: Reporter) -> None:
        self._cluster, self._groups, self._memories = cluster, groups, Memories()
        self._applier = ConsumerApplier(cluster, reporter)
        self._status = ConsumerStatus(cluster, groups, reporter)
        self._drain = ConsumerDrain(cluster, reporter)

    def reconcile(self, namespace: str, name: str) -> bool:
        """Bring one ShopConsumer to what it asks for; False when it is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            metrics.forget(KIND, namespace, name)
            self._cluster.forget(KIND, namespace, name)
            self._memories.forget(namespace, name)
            return False
        if finalizers.held(body):
            finalizers.release(self._cluster, body)
        elif "deletionTimestamp" not in body["metadata"]:
            seen = self._groups.latest(body)
            consumer = Resource.of(self._truly_owned(body))
            if finalizers.drain_asked(body):
                self._drain.drain(consumer, seen)
            # A new one waits until Kafka was asked, so that its topic is there before its pods.
            elif seen is not None or consumer.status:
                self._keep(consumer, seen)
        return True

    def _truly_owned(self, body: Manifest) -> Manifest:
        """Anybody may write an owner down; a Shop's policies hold only for the consumers that it asks for."""
        meta, owner = body["metadata"], controller_of(body)
        shop = (
            self._cluster.get("Shop", meta["namespace"], owner["name"]) if owner and owner["kind"] == "Shop" else None
        )
        if owner is None or shop is None:
            return body
        asked = [each["domain"] for each in shop["spec"].get("consumers", [])]
        if owner["uid"] == shop["metadata"]["uid"] and meta["name"] in asked:
            return body
        return body | {"metadata": {name: value for name, value in meta.items() if name != "ownerReferences"}}

    def _keep(self, consumer: Resource, answer: Seen | None) -> None:
        memory = self._memories.of(consumer)
        decided = decide(self._cluster, consumer, memory, answer or Seen(0, reason=kafka_faults.UNASKED))
        wanted, applied = desired(consumer.body, decided.scaling), Applied(decided.scaled_object)
        try:
            self._applier.beside(consumer, wanted)
            prune_consumer(self._cluster, consumer, wanted)
            self._applier.pods(consumer, wanted, applied)
        except ClusterError as error:
            applied.refusal = str(error)
            where = {"namespace": consumer.namespace, "resource": consumer.name}
            log.warning("apply_refused", extra=where | {"error": applied.refusal})
        # Until Kafka was asked for a new spec, what was told of the one before stands.
        if answer is not None:
            self._status.report(consumer, memory, decided, applied)
