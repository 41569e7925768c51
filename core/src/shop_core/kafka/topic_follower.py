"""Following topics without a group: each process that does so hears of every new record, and nothing is committed.

Only *that* a partition has grown is told, not what the record says: what an event came to is in the read model, once
its consumer has applied it. So a listener is asked again and again until the read model has passed what was heard of.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.errors import ShopError
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import Faults, consumer

log = logging.getLogger(__name__)
Ends = dict[int, int]
IDLE_SECONDS = 0.5
BEHIND_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5)
LOOK_AGAIN_SECONDS = 30.0


class Listener(Protocol):
    """Keeps something in memory as new as the read model; `topic` is where its changes are announced."""

    topic: str

    def keep_up(self, ends: Ends) -> bool:
        """Whether everything below `ends`, by partition, is in memory now; called again soon where it isn't."""


class Follower:
    """One thread that follows the topics of its listeners. Without Kafka it goes on asking them, now and then."""

    def __init__(self, kafka: KafkaConnection) -> None:
        self._kafka = kafka
        self._listeners: list[Listener] = []
        self._ends: dict[str, Ends] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._consumer: KafkaConsumer | None = None
        self._faults = Faults()
        self._looked = 0.0

    def add(self, listener: Listener) -> None:
        """Before `start`."""
        self._listeners.append(listener)
        self._ends[listener.topic] = {}

    def start(self) -> None:
        if self._listeners:
            self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        behind = 0
        while not self._closing.is_set():
            pause = BEHIND_SECONDS[min(behind, len(BEHIND_SECONDS)) - 1] if behind else IDLE_SECONDS
            try:
                self._hear(pause)
            except KafkaError as error:
                log.warning("follow_failed", extra={"error": f"{type(error).__name__}: {error}"})
                self._disconnect()
                self._closing.wait(IDLE_SECONDS)
            behind = behind + 1 if self._tell() else 0
        self._disconnect()

    def _tell(self) -> bool:
        """Whether a listener has to be asked again soon."""
        behind = False
        for listener in self._listeners:
            try:
                behind |= not listener.keep_up(self._ends[listener.topic])
            except ShopError as outage:
                log.warning("follow_failed", extra={"error": str(outage)})
                behind = True
        return behind

    def _hear(self, seconds: float) -> None:
        """Note how far the topics reach, waiting at most `seconds` for something new."""
        if self._consumer is None:
            self._consumer, self._faults = self._connect()
        if time.monotonic() - self._looked > LOOK_AGAIN_SECONDS:
            self._look_around(self._consumer)
        for tp, records in self._consumer.poll(timeout_ms=int(seconds * 1000)).items():
            self._ends[tp.topic][tp.partition] = records[-1].offset + 1
        # What can't be read says nothing here: whether its consumer ever passes it shows in the positions.
        for tp, fault in self._faults.taken().items():
            self._consumer.seek(tp, fault.offset + 1 if fault.end is None else fault.end)

    def _look_around(self, client: KafkaConsumer) -> None:
        """Take every partition there is; those new to us are told by their ends."""
        self._looked = time.monotonic()
        partitions = [TopicPartition(t, p) for t in self._ends for p in sorted(client.partitions_for_topic(t) or ())]
        if set(partitions) == client.assignment():
            return
        client.assign(partitions)
        for tp, end in client.end_offsets(partitions).items():
            client.seek(tp, end)
            self._ends[tp.topic][tp.partition] = end

    def _connect(self) -> tuple[KafkaConsumer, Faults]:
        self._looked = 0.0
        return consumer(
            self._kafka,
            client_id="cm-api-follower",
            auto_offset_reset="latest",
            bootstrap_timeout_ms=3000,
            metadata_max_age_ms=int(LOOK_AGAIN_SECONDS * 1000),
        )

    def _disconnect(self) -> None:
        client, self._consumer = self._consumer, None
        if client is not None:
            with suppress(KafkaError):
                client.close(autocommit=False, timeout_ms=2000)
