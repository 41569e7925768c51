"""The records of one publish on their way: what is in flight on which client, and what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from shop_core.errors import Outage, RecordRefused, ShopError
from shop_core.events.envelope import Record
from shop_core.kafka.delivery import MISSING_AFTER_SECONDS, Client, NoAck, Unwritten, check_record

STALLED_AFTER = 0.5
AGAIN_AFTER_SECONDS = 0.1
Outcome = str | ShopError  # a receipt, or why there is none


@dataclass
class Link:
    """One Kafka client and what is in flight on it; late acks of a link that was given up change nothing."""

    client: Client
    in_flight: int = 0
    progress: float = field(default_factory=time.monotonic)
    acked: float = float("-inf")

    @property
    def stalled(self) -> bool:
        return self.in_flight > 0 and time.monotonic() - self.progress > STALLED_AFTER

    def open(self, count: int) -> None:
        """`count` records are on their way; needs the publisher's lock, as `settle` does."""
        if self.in_flight == 0:
            self.progress = time.monotonic()
        self.in_flight += count

    def settle(self, acked: bool) -> None:
        self.in_flight -= 1
        self.progress = time.monotonic()
        if acked:
            self.acked = self.progress


class Batch:
    """Hands records to a client and gathers what its threads tell of each. `lock` is the publisher's, which is told
    when nothing is in flight any more; the records count as in flight from the start."""

    def __init__(self, lock: threading.Condition, link: Link, records: Sequence[Record]) -> None:
        self.started = time.monotonic()
        self._lock = lock
        self._link = link
        self._records = records
        self._outcomes: list[Outcome | None] = [None] * len(records)
        self._in_flight = set(range(len(records)))
        self._handed_over: set[int] = set()
        self._done = threading.Event()

    def deliver(self, timeout: float) -> list[Outcome]:
        """What became of each record within `timeout` seconds; nothing that concerns one of them is raised."""
        deadline = self.started + timeout
        for index in range(len(self._records)):
            self._send(index)
        self._done.wait(max(0.0, deadline - time.monotonic()))
        self._send_together(min(deadline, time.monotonic() + MISSING_AFTER_SECONDS))
        self._send_alone(deadline)
        return [self._last_word(index) for index in range(len(self._records))]

    def release(self) -> None:
        """Forget what was never handed over, where the caller was interrupted."""
        for index in self._in_flight - self._handed_over:
            self._settle(index, Outage("the sender was interrupted"))

    def _send(self, index: int) -> None:
        record = self._records[index]
        outcome: Outcome | None = None
        try:
            check_record(record)
            self._link.client.send(record, partial(self._settle, index), partial(self._settle, index))
            self._handed_over.add(index)
        except ShopError as error:
            outcome = error
        except Exception as error:  # whatever the client can't take is this record's fault, and no other's
            outcome = RecordRefused(str(record.topic), f"{type(error).__name__}: {error}")
        if outcome is not None:
            self._settle(index, outcome)

    def _settle(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            if index not in self._in_flight:
                return
            self._in_flight.discard(index)
            self._outcomes[index] = outcome
            self._link.settle(isinstance(outcome, str))
            if self._link.in_flight == 0:
                self._lock.notify_all()
            if not self._in_flight:
                self._done.set()

    def _send_together(self, deadline: float) -> None:
        """Neighbours of what was refused, and records of a topic that may be new: again, as long as it is worth it."""
        while (again := self._unwritten(alone=False)) and time.monotonic() + AGAIN_AFTER_SECONDS < deadline:
            time.sleep(AGAIN_AFTER_SECONDS)  # a leader that is new has nothing else to be waited for by
            self._reopen(again, deadline)

    def _send_alone(self, deadline: float) -> None:
        """What was refused in a batch with others: again one by one, so that each is measured by itself."""
        for index in self._unwritten(alone=True):
            if time.monotonic() < deadline:
                self._reopen([index], deadline)
            else:
                self._outcomes[index] = Outage("there was no time to send it in a batch of its own")

    def _unwritten(self, alone: bool) -> list[int]:
        pairs = enumerate(self._outcomes)
        return [index for index, outcome in pairs if isinstance(outcome, Unwritten) and outcome.alone == alone]

    def _reopen(self, indexes: Iterable[int], deadline: float) -> None:
        """Send once more, and wait for what becomes of it."""
        again = list(indexes)
        with self._lock:
            self._done.clear()
            self._in_flight.update(again)
            self._handed_over.difference_update(again)
            self._link.open(len(again))
            for index in again:
                self._outcomes[index] = None
        for index in again:
            self._send(index)
        self._done.wait(max(0.0, deadline - time.monotonic()))

    def _last_word(self, index: int) -> Outcome:
        """What is told of a record; what comes later changes nothing."""
        outcome = self._outcomes[index]
        if isinstance(outcome, Unwritten):
            return outcome.verdict
        return NoAck("no ack in time") if outcome is None else outcome
