"""`cm-api-consumer --domain X`: poll → decode → apply and move the position in one transaction → let Kafka follow.

The database's position is the only truth about what was applied. Whatever goes wrong, the answer is the same: rewind
to a position and read again; a known event id changes nothing the second time.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from cm_api import people
from cm_api.domains import hooks, room, store_maker
from cm_api.failpoints import failpoint
from cm_api.health import Health
from cm_api.outbox import outbox, to_pending
from cm_api.outcome import Outcome, Refusal
from cm_api.places import Places
from cm_api.settings import ConsumerSettings
from cm_api.undeliverable import undeliverable
from shop_core import mongo, serve
from shop_core.errors import InvalidInput, Outage
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, Event, Message, decode
from shop_core.kafka.reader import Reader
from shop_core.mongo import ClientSession, Database, Document, Erasures, PendingEvents, PositionMoved, Rejections
from shop_core.rotation import Rotation
from shop_core.settings import load
from shop_core.telemetry import logs, metrics

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)


class Consumer:
    """One group member of one domain. `stop` may be set from a signal; `run` then ends after the batch in hand."""

    def __init__(self, domain: Domain, settings: ConsumerSettings, health: Health) -> None:
        self.stop = threading.Event()
        self.health = health
        self._rotation = Rotation()
        self._domain = domain
        self._room = room(domain.name)
        self._store = store_maker(domain.name, settings)
        self._db: Database[Document] = mongo.connect(settings, domain.group)
        mongo.require_transactions(self._db)
        self._reader = Reader(
            settings.bootstrap_servers,
            domain.topic,
            domain.group,
            batch=settings.batch,
            session_ms=settings.session_timeout_ms,
        )
        self._places = Places(domain, settings.bootstrap_servers, self._reader, self._db)
        self._erasures = Erasures(self._db, domain.name)
        self._undeliverable = undeliverable(domain, settings.bootstrap_servers, Rejections(self._db))
        self._outbox = outbox(domain, settings.bootstrap_servers, PendingEvents(self._db))
        self._hooks = hooks(domain.name, settings, self._db)
        self._failures = 0

    def run(self) -> None:
        """Consume until `stop`, or the credentials change; then let Kafka's offsets follow and leave the group."""
        try:
            while not self.stop.is_set() and not self._rotation.due():
                self.health.beat()
                self._step()
        finally:
            self._reader.commit(self._places.offsets(), wait=True)
            self._reader.close()
            self._undeliverable.close()
            self._outbox.close()
            log.info("consumer_stopped", extra={"group": self._domain.group})

    def _step(self) -> None:
        try:
            messages = self._reader.poll(0 if self._failures else POLL_SECONDS)
            if self._places.settle():
                self._reader.commit(self._places.offsets())
            messages = [m for m in messages if self._places.expects(m)]
            if messages:
                self._take(messages)
            mine = [partition for _, partition in self._places.offsets()]
            self._undeliverable.deliver(mine)
            if self._domain.derived:
                self._outbox.deliver(mine)
            self._recovered()
        except PositionMoved as moved:
            metrics.MOVED.labels(self._domain.name).inc()
            log.warning("position_moved", extra={"detail": str(moved)})
            self._places.forget()
        except Outage as outage:
            self._put_back(outage)
        except Exception:  # a fault of ours must neither lose the batch nor pass it to the DLQ: loud, and again
            log.exception("batch_failed")
            self._put_back(Outage("the batch failed by a fault of the program; see the log"))

    def _take(self, messages: Sequence[Message]) -> None:
        started = time.monotonic()
        events, refused = self._decode(messages)
        failpoint("decoded")
        raw = {message.receipt: message for message in messages}
        moves = self._places.moves(messages)

        def work(session: ClientSession) -> Outcome:
            store = self._store(self._db, session)
            living, forgotten = people.forget(self._room, store, self._erasures, session, events)
            outcome = people.together(forgotten, self._room.apply(store, living))
            every = [*refused, *outcome.refused]
            if every:
                Rejections(self._db).add(session, [to_rejection(raw[r.receipt], r) for r in every])
            if outcome.derived:
                PendingEvents(self._db).add(session, [to_pending(derived) for derived in outcome.derived])
            self._places.positions.move(session, moves)
            self._hooks.about_to_commit(outcome)
            return dataclasses.replace(outcome, refused=every)

        outcome = mongo.in_transaction(self._db, work)
        failpoint("committed")
        self._hooks.committed(outcome)
        self._places.advance(moves)
        self._reader.commit(self._places.offsets())
        if outcome.refused:
            self._undeliverable.soon()
        if outcome.derived:
            self._outbox.soon()
        self._report(messages, events, outcome, started)

    def _decode(self, messages: Sequence[Message]) -> tuple[list[Event], list[Refusal]]:
        events: list[Event] = []
        refused: list[Refusal] = []
        for message in messages:
            try:
                events.append(decode(self._domain, message))
            except InvalidInput as error:
                refused.append(Refusal(message.receipt, str(error)[:500]))
        return events, refused

    def _put_back(self, outage: Outage) -> None:
        """Rewind and wait, paused but in the group: an outage costs time, never an event."""
        metrics.OUTAGES.labels(self._domain.name).inc()
        self.health.trouble = str(outage)
        log.warning("outage", extra={"detail": str(outage), "failures": self._failures})
        self._places.forget()
        if self._places.due:
            with suppress(Outage):  # the broker itself may be what is away
                self._places.report_lag()
        self.stop.wait(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
        self._failures += 1

    def _recovered(self) -> None:
        if self._failures:
            log.info("recovered", extra={"failures": self._failures})
        self._failures = 0
        self.health.trouble = None

    def _report(self, messages: Sequence[Message], events: Sequence[Event], outcome: Outcome, started: float) -> None:
        name, now = self._domain.name, datetime.now(UTC)
        metrics.BATCH_EVENTS.labels(name).observe(len(messages))
        metrics.BATCH_SECONDS.labels(name).observe(time.monotonic() - started)
        metrics.APPLIED.labels(name, "applied").inc(outcome.applied)
        metrics.APPLIED.labels(name, "duplicate").inc(outcome.duplicates)
        metrics.APPLIED.labels(name, "rejected").inc(len(outcome.refused))
        metrics.LATE.labels(name).inc(outcome.late)
        delay = metrics.DELAY.labels(name)
        for event in events:
            delay.observe(max(0.0, (now - event.time).total_seconds()))
            log.debug("applied", extra={"event_id": event.id, "receipt": event.receipt})
        for refusal in outcome.refused:
            log.warning("rejected", extra={"receipt": refusal.receipt, "reason": refusal.reason})


def to_rejection(message: Message, refusal: Refusal) -> Document:
    """The document of one refusal; `raw` is what goes to the DLQ, and leaves the database once it is there."""
    return {
        "_id": refusal.receipt,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "reason": refusal.reason,
        "status": refusal.status,
        "at": datetime.now(UTC),
        "dlq": "pending",
        "raw": {"key": message.key, "value": message.value, "headers": [[n, v] for n, v in message.headers]},
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Exit 0 after SIGTERM or SIGINT; 2 with one sentence for configuration that can't work."""
    parser = argparse.ArgumentParser(prog="cm-api-consumer", description=__doc__.partition("\n")[0])
    parser.add_argument("--domain", required=True, choices=sorted(DOMAINS))
    domain = DOMAINS[parser.parse_args(argv).domain]
    with serve.one_sentence():
        settings = load(ConsumerSettings)
        logs.configure(settings)
        logs.reload_on_sighup(settings)
        health = Health()
        consumer = started(lambda: Consumer(domain, settings, health))
    with health.serve(settings.health_host, settings.health_port):
        consumer.run()
        while not consumer.stop.is_set():
            log.info("credentials_changed", extra={"group": domain.group})
            consumer = started(lambda: Consumer(domain, settings, health))
            consumer.run()


def started(make: Callable[[], Consumer]) -> Consumer:
    """A consumer that ends on SIGTERM after its batch; until there is one, the signal ends the process."""
    on_stop(lambda: sys.exit(0))
    consumer = wait_for(make)
    on_stop(consumer.stop.set)
    return consumer


def on_stop(act: Callable[[], object]) -> None:
    """Let SIGTERM and SIGINT do `act`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: act())


def wait_for(make: Callable[[], Consumer], attempts: int = 60) -> Consumer:
    """Start as soon as broker and database answer; the last `Outage` after about two minutes."""
    for _ in range(attempts):
        try:
            return make()
        except Outage as outage:
            log.warning("waiting_to_start", extra={"detail": str(outage)})
            time.sleep(1.0)
    return make()


if __name__ == "__main__":
    main()
