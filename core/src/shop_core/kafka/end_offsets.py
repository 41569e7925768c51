"""How far topics reach, asked when somebody wants to know: one connection and one question for all who ask meanwhile.

Who asks is told what the broker said after they asked, so whatever they know to be acknowledged is in it. The asking is
done by a thread of its own, because the client may wait for longer than a request can.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaTopicPartition
from kafka.errors import KafkaError

from shop_core.errors import Unavailable
from shop_core.events.envelope import TopicPartition
from shop_core.kafka.connection import KafkaConnection

log = logging.getLogger(__name__)
NEVER = -1e9
ANSWER_SECONDS = 1.0
BETWEEN_SECONDS = 0.05  # from one question to the next: however many ask, the broker is asked twenty times a second
REST_SECONDS = 1.0  # after no answer, Kafka is left alone for so long
LOOK_AGAIN_SECONDS = 30.0
NEW_SECONDS = 1.0  # a partition that is not known may be new, but is not looked for more often


class LogEnds:
    """The next offset of each partition of `topics`. The thread is started by the first who asks."""

    def __init__(self, kafka: KafkaConnection, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._topics = list(topics)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._consumer: KafkaConsumer | None = None
        self._wanted = False
        self._closing = False
        self._ends: dict[TopicPartition, int] = {}
        self._asked = self._failed = NEVER  # when the last question was put that was answered, or was not
        self._looked = NEVER
        self._partitions: list[KafkaTopicPartition] = []
        self._rests_until = 0.0

    def of(self, topic: str, partition: int) -> int | None:
        """The end of a partition now, None where there is none; `Unavailable` when Kafka does not say in time, or
        nothing of the topic."""
        tp = (topic, partition)
        ends = self._fresh()
        if tp not in ends and time.monotonic() - self._looked > NEW_SECONDS:
            self._looked = NEVER
            ends = self._fresh()
        if not any(known == topic for known, _ in ends):
            raise Unavailable(f"Kafka says nothing of {topic}")
        return ends.get(tp)

    def all(self, topic: str) -> dict[int, int]:
        """The end of each partition that a topic has now; `Unavailable` as above."""
        self._looked = NEVER  # of those that are new as well
        found = {partition: end for (known, partition), end in self._fresh().items() if known == topic}
        if not found:
            raise Unavailable(f"Kafka says nothing of {topic}")
        return found

    def every(self) -> dict[TopicPartition, int]:
        """The end of each partition of all topics; `Unavailable` where Kafka does not say it in time."""
        self._looked = NEVER
        return self._fresh()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _fresh(self) -> dict[TopicPartition, int]:
        """What the broker says to a question that is put from now on."""
        now = time.monotonic()
        with self._changed:
            if now < self._rests_until:
                raise Unavailable("Kafka does not tell its offsets")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-ends", daemon=True)
                self._thread.start()
            self._wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: max(self._asked, self._failed) >= now, ANSWER_SECONDS)
            if self._asked < now:
                self._rests_until = time.monotonic() + REST_SECONDS
                raise Unavailable("Kafka does not tell its offsets")
            return self._ends

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing)
                self._changed.wait_for(lambda: self._closing, self._asked + BETWEEN_SECONDS - time.monotonic())
                if self._closing:
                    break
                self._wanted, asked = False, time.monotonic()
            try:
                ends = self._ask()
            except Exception as error:  # whatever it is: who asks goes on without
                log.warning("ends_not_told", extra={"error": f"{type(error).__name__}: {error}"})
                self._disconnect()
                with self._changed:
                    self._failed = asked
                    self._changed.notify_all()
                continue
            with self._changed:
                self._ends, self._asked = ends, asked
                self._changed.notify_all()
        self._disconnect()

    def _ask(self) -> dict[TopicPartition, int]:
        consumer = self._consumer = self._consumer or self._connect()
        if time.monotonic() - self._looked > LOOK_AGAIN_SECONDS:
            there = consumer.topics().intersection(self._topics)  # what this user may see of them now
            self._partitions = [KafkaTopicPartition(t, p) for t in there for p in consumer.partitions_for_topic(t)]
            self._looked = time.monotonic()
        if not self._partitions:
            return {}
        ends = consumer.end_offsets(self._partitions, timeout_ms=int(ANSWER_SECONDS * 1000))
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    def _connect(self) -> KafkaConsumer:
        self._looked = NEVER
        return KafkaConsumer(
            client_id="cm-api-ends",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            # Not the last stable offset: a receipt of an open transaction is in the log as well.
            isolation_level="read_uncommitted",
            bootstrap_timeout_ms=1000,
            reconnect_backoff_max_ms=1000,
            **self._kafka.options(),
        )

    def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=1000)
