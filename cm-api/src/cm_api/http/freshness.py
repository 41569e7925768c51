"""X-Data-As-Of: of which moment an answer tells. Everything that Kafka had by then is in it.

While anybody reads, Kafka is asked each half second how far its topics reach, and then the database how far they are
stored. Where all is stored, the read model is as of the moment before both questions; where a partition is behind, as
of the time of the last record that is stored of it. An answer from memory is as of a sample before it was read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from flask import Blueprint, Response, g, has_request_context

from shop_core.events.envelope import TopicPartition
from shop_core.events.instants import format_instant
from shop_core.mongo.positions import Offsets, Stored, covers

log = logging.getLogger(__name__)
SAMPLE_SECONDS = 0.5
ACTIVE_SECONDS = 30.0  # for so long after the last read samples are taken
FIRST_SECONDS = 0.25  # that the first read after a pause waits for a sample
TOLD = (200, 304, 404)  # what is not there tells of a moment as well
KEPT = 256  # two minutes: no memory is older


class Ends(Protocol):
    """How far topics reach: `shop_core.kafka.end_offsets.LogEnds`; `Unavailable` where Kafka does not say it."""

    def every(self) -> Mapping[TopicPartition, int]: ...


@dataclass(frozen=True)
class TopicSample:
    """A read model that is at `stored` or further has everything that the topic had at `as_of` (None: not known)."""

    stored: Offsets
    as_of: datetime | None


@dataclass(frozen=True)
class Sample:
    """`taken` is by the monotonic clock, after the last question."""

    taken: float
    topics: Mapping[str, TopicSample]


class Freshness:
    """Of one process. The thread is started by the first who reads."""

    def __init__(self, ends: Ends, stored: Callable[[str], Mapping[int, Stored]], topics: Sequence[str]) -> None:
        self._ends = ends
        self._stored = stored
        self._topics = topics
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._wanted = self._tried = float("-inf")
        self._closing = False

    def want(self) -> None:
        """Somebody reads: after a pause they wait for a sample, but not for long."""
        now = time.monotonic()
        with self._changed:
            paused, self._wanted = now - self._wanted > ACTIVE_SECONDS, now
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="freshness", daemon=True)
                self._thread.start()
            if paused:
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._tried >= now, FIRST_SECONDS)

    def of_read(self, topics: Sequence[str], read_at: float) -> datetime | None:
        """Of what the database said of `topics` at `read_at` (monotonic); None where it can't be told of one."""
        with self._changed:
            sample = next((each for each in reversed(self._samples) if each.taken <= read_at), None)
        told = [sample.topics[topic].as_of for topic in topics] if sample else [None]
        return None if None in told else min(each for each in told if each)

    def of_offsets(self, topic: str, offsets: Offsets) -> datetime | None:
        """Of what has everything of `topic` below `offsets`."""
        with self._changed:
            newest_first = (sample.topics[topic] for sample in reversed(self._samples))
            return next((each.as_of for each in newest_first if covers(offsets, each.stored)), None)

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._active())
                self._changed.wait_for(lambda: self._closing, self._tried + SAMPLE_SECONDS - time.monotonic())
                if self._closing:
                    return
                began = time.monotonic()
            try:
                sample = self._sample()
            except Exception as error:  # whatever it is: answers go without
                log.debug("freshness_unknown", extra={"error": f"{type(error).__name__}: {error}"})
                sample = None
            with self._changed:
                self._tried = began
                if sample:
                    self._samples.append(sample)
                self._changed.notify_all()

    def _active(self) -> bool:
        return time.monotonic() - self._wanted <= ACTIVE_SECONDS

    def _sample(self) -> Sample:
        now = datetime.now(UTC)
        ends = self._ends.every()
        last = self._samples[-1].topics if self._samples else {}
        found = {}
        for topic in self._topics:
            here = {partition: end for (of, partition), end in ends.items() if of == topic}
            found[topic] = topic_sample(now, here, self._stored(topic), last.get(topic))
        return Sample(time.monotonic(), found)


def tell(routes: Blueprint, freshness: Freshness, topics: Sequence[str]) -> None:
    """Let each answer of `routes`, which are read from `topics`, say of which moment it tells."""

    @routes.before_request
    def begin() -> None:
        freshness.want()
        read_from_now_on()

    @routes.after_request
    def end(answer: Response) -> Response:
        if answer.status_code in TOLD:
            by_offsets = "read_offsets" in g
            known = (
                freshness.of_offsets(topics[0], g.read_offsets) if by_offsets else freshness.of_read(topics, g.read_at)
            )
            if known is not None:
                answer.headers["X-Data-As-Of"] = format_instant(known)
        return answer


def read_from_now_on() -> None:
    """What the request in hand is answered with is read from now on."""
    g.read_at = time.monotonic()


def was_read_at(moment: float) -> None:
    """Some of it comes from memory, and was read at `moment` (monotonic)."""
    if has_request_context():
        g.read_at = min(g.get("read_at", moment), moment)


def has_offsets(offsets: Offsets) -> None:
    """It comes from a memory that has everything of its topic below `offsets`."""
    g.read_offsets = offsets


def topic_sample(
    now: datetime, ends: Offsets, stored: Mapping[int, Stored], last: TopicSample | None = None
) -> TopicSample:
    """Of a read model that is at `stored` in a log that reached to `ends` at `now`. What was true of the `last` one
    stays true, unless the positions went back."""
    offsets = {partition: each.offset for partition, each in stored.items()}
    behind = [stored.get(partition) for partition, end in ends.items() if offsets.get(partition, 0) < end]
    times = [each.event_time if each else None for each in behind]
    told = [min([now, *(each for each in times if each)])] if ends and None not in times else []
    if last and last.as_of and covers(offsets, last.stored):
        told.append(last.as_of)
    return TopicSample(offsets, max(told, default=None))
