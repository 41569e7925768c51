"""How far a consumer is behind, in events and in time, told by a thread of its own: a loop that hangs must not stop
the numbers that say so.

The same thread sees whether Kafka answers at all, and whether the topic was deleted and created again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

from cm_api.pipeline.health import Health
from cm_api.pipeline.partitions import PartitionPositions
from shop_core.errors import ShopError, Unavailable
from shop_core.events.envelope import Domain, TopicPartition
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.record_times import RecordTimes
from shop_core.kafka.stable_offsets import Ends
from shop_core.kafka.topics import topic_ids
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
TOPIC_SECONDS = 15.0


class LagMonitor:
    """Asks Kafka for the ends of the log every few seconds, and sets them against the positions."""

    def __init__(self, domain: Domain, kafka: KafkaConnection, partitions: PartitionPositions, health: Health) -> None:
        self._domain = domain
        self._kafka = kafka
        self._partitions = partitions
        self._health = health
        self._ends = Ends(kafka, domain.topic)
        self._times = RecordTimes(kafka, domain.topic)
        self._end_before: Mapping[int, int] = {}
        self._oldest: dict[int, tuple[int, float]] = {}  # the place that waits, and when its record came
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
        self._times.close()

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
        ends = self._ends.committed([partition for _, partition in known])
        for partition, end in ends.items():
            metrics.LAG.labels(topic, str(partition)).set(max(0, end - known[(topic, partition)]))
        for topic, partition in self._told - known.keys():
            for gauge in (metrics.LAG, metrics.LAG_SECONDS):
                gauge.labels(topic, str(partition)).set(0)  # its new owner tells it from now on
        self._told = set(known)
        self._tell_age({partition: known[(topic, partition)] for partition in ends}, ends)
        if time.monotonic() - self._checked > TOPIC_SECONDS:
            self._checked = time.monotonic()
            id = topic_ids(self._kafka, [self._domain.topic]).get(self._domain.topic)
            if known and id is not None and id != self._partitions.topic_id:
                self._partitions.replaced.set()

    def _tell_age(self, known: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """How long the oldest event waits. Where all is stored that the look before saw, nothing has waited for as long
        as from look to look, and no record is read for it."""
        waiting = {
            partition: at
            for partition, at in known.items()
            if at < min(self._end_before.get(partition, at + 1), ends[partition])
        }
        self._end_before = dict(ends)
        unread = {partition: at for partition, at in waiting.items() if self._oldest.get(partition, (-1, 0.0))[0] != at}
        came = self._times.at(unread)
        self._oldest = {
            partition: (at, came[partition]) if partition in came else self._oldest[partition]
            for partition, at in waiting.items()
            if partition in came or partition not in unread
        }
        now, topic = time.time(), self._domain.topic
        for partition in known:
            if partition not in waiting:
                metrics.LAG_SECONDS.labels(topic, str(partition)).set(0)
            elif partition in self._oldest:
                metrics.LAG_SECONDS.labels(topic, str(partition)).set(max(0.0, now - self._oldest[partition][1]))
            else:  # it can't be read, and another alert tells that
                metrics.LAG_SECONDS.remove(topic, str(partition))
