"""How far a consumer is behind, told by a thread of its own: a loop that hangs must not stop the number that says so.

The same thread sees whether Kafka answers at all, and whether the topic was deleted and created again.
"""

from __future__ import annotations

import logging
import threading
import time

from cm_api.pipeline.health import Health
from cm_api.pipeline.partitions import PartitionPositions
from shop_core.errors import ShopError, Unavailable
from shop_core.events.envelope import Domain, TopicPartition
from shop_core.kafka.stable_offsets import Ends
from shop_core.kafka.topics import topic_ids
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
TOPIC_SECONDS = 15.0


class LagMonitor:
    """Asks Kafka for the ends of the log every few seconds, and sets them against the positions."""

    def __init__(self, domain: Domain, bootstrap: str, partitions: PartitionPositions, health: Health) -> None:
        self._domain = domain
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._health = health
        self._ends = Ends(bootstrap, domain.topic)
        self._closing = threading.Event()
        self._told: set[TopicPartition] = set()
        self._checked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._ends.close()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            try:
                self.look()
                self._health.kafka = None
            except Unavailable as outage:
                if self._health.kafka is None:
                    log.warning("outage", extra={"detail": str(outage), "failures": 0})
                    metrics.OUTAGES.labels(self._domain.name).inc()
                self._health.kafka = str(outage)
            except ShopError as error:
                log.warning("lag_unknown", extra={"error": str(error)})
            except Exception:  # a fault of ours must not end the thread
                log.exception("lag_unknown")

    def look(self) -> None:
        """Tell the lag of each partition that this consumer has; `Unavailable` where Kafka does not answer."""
        known = self._partitions.known()
        topic = self._domain.topic
        for partition, end in self._ends.committed([partition for _, partition in known]).items():
            metrics.LAG.labels(topic, str(partition)).set(max(0, end - known[(topic, partition)]))
        for topic, partition in self._told - known.keys():
            metrics.LAG.labels(topic, str(partition)).set(0)  # its new owner tells it from now on
        self._told = set(known)
        if time.monotonic() - self._checked > TOPIC_SECONDS:
            self._checked = time.monotonic()
            id = topic_ids(self._bootstrap, [self._domain.topic]).get(self._domain.topic)
            if known and id is not None and id != self._partitions.topic_id:
                self._partitions.replaced.set()
