"""`cm-api-consumer --domain X`: poll → apply and move the positions in one transaction → let Kafka follow.

The database's position is the only truth about what was applied. Whatever goes wrong, the answer is the same: rewind
to a position and read again; a known event changes nothing the second time. What is sent to Kafka from here (dead
letters, derived events) and what is told of the lag goes by threads beside this loop.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from cm_api.pipeline.apply import Applier
from cm_api.pipeline.dead_letters import dead_letters
from cm_api.pipeline.health import Health
from cm_api.pipeline.lag import LagMonitor
from cm_api.pipeline.outbox import outbox
from cm_api.pipeline.partitions import PartitionPositions
from cm_api.pipeline.relay import Relay
from cm_api.settings import ConsumerSettings
from shop_core import cli
from shop_core.config.credential_rotation import CredentialWatch
from shop_core.config.settings import load
from shop_core.errors import Unavailable
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.group_consumer import GroupConsumer, OffsetsUnavailable
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topics import reachable
from shop_core.mongo import client
from shop_core.mongo.pending_events import PendingEvents
from shop_core.mongo.positions import PositionMoved
from shop_core.mongo.rejections import Rejections
from shop_core.telemetry import logs, metrics

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
BACKOFF_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
# A failed batch comes again within so many empty polls; only then does nothing to read mean that all is well.
EMPTY_POLLS = 6
# kafka-python may lose its way after a broker has come back elsewhere: so often unheard, while a new client is heard,
# and the client is replaced.
UNHEARD = 2


class Consumer:
    """One group member of one domain. `stop` may be set from a signal; `run` then ends after the batch in hand."""

    def __init__(self, domain: Domain, settings: ConsumerSettings, health: Health) -> None:
        self.stop = threading.Event()
        self.health = health
        self._rotation = CredentialWatch()
        self._domain = domain
        self._kafka = kafka = KafkaConnection.of(settings)
        self._db = db = client.connect(settings, domain.group, partial(self._heard, threading.get_ident()))
        client.require_transactions(db)
        self._reader = GroupConsumer(
            kafka,
            domain.topic,
            domain.group,
            batch=settings.batch,
            session_ms=settings.session_timeout_ms,
        )
        self._partitions = PartitionPositions(domain, kafka, self._reader, db)
        health.partitions = lambda: self._partitions.blocked_partitions.described
        self._applier = Applier(domain, settings, db, self._partitions, health.beat)
        connect = partial(KafkaPublisher, kafka)
        self._dead_letters = dead_letters(domain, Rejections(db), connect)
        self._outbox = outbox(domain, PendingEvents(db), connect)
        self._sweeps = [self._dead_letters, *([self._outbox] if domain.derived else [])]
        lag = LagMonitor(domain, kafka, self._partitions, health)
        self._beside: Sequence[Relay | LagMonitor] = (*self._sweeps, lag)
        self._failures = self._empty = self._unheard = 0
        self.stuck = False

    def run(self) -> None:
        """Consume until `stop`, or the credentials change, or the client is `stuck`; then let Kafka's offsets follow
        and leave the group."""
        for thread in self._beside:
            thread.start()
        try:
            while not (self.stop.is_set() or self.stuck or self._rotation.due()):
                self.health.beat()
                self._step()
        finally:
            self._reader.commit(self._partitions.offsets(), wait=True)
            self.close()
            log.info("consumer_stopped", extra={"group": self._domain.group})

    def close(self) -> None:
        """Leave the group, end what runs beside, and close the database's connections: who follows has its own."""
        self._reader.close()
        for thread in self._beside:
            thread.close()
        self._db.client.close()

    def _heard(self, loop: int) -> None:
        """A batch that is about very much takes long, and is no loop that hangs while the database answers it. What
        runs beside asks the database too, and says nothing of the loop."""
        if threading.get_ident() == loop:
            self.health.beat()

    def _step(self) -> None:
        try:
            read = self._round()
        except PositionMoved as moved:
            metrics.MOVED.labels(self._domain.name).inc()
            log.warning("position_moved", extra={"detail": str(moved)})
            self._partitions.invalidate()
        except Unavailable as outage:
            self._back_off(outage)
        except Exception:  # a fault of ours outside of any event must not lose the batch: loud, and again
            log.exception("round_failed")
            self._back_off(Unavailable("the round failed by a fault of the program; see the log"))
        else:
            self._succeeded(read)

    def _round(self) -> bool:
        """Take at most one batch; whether there was one."""
        messages = self._reader.poll(0 if self._reader.unpositioned else POLL_SECONDS)
        if self._partitions.seek_new():
            self._reader.commit(self._partitions.offsets())
        for relay in self._sweeps:
            relay.own([partition for _, partition in self._partitions.offsets()])
        messages = [m for m in messages if self._partitions.expects(m)]
        if messages:
            outcome = self._applier.apply(messages)
            if outcome.refused:
                self._dead_letters.soon()
            if outcome.derived:
                self._outbox.soon()
        if self._partitions.follow() or messages:
            self._reader.commit(self._partitions.offsets())
        return bool(messages)

    def _back_off(self, outage: Unavailable) -> None:
        """Rewind and wait, paused but in the group: an outage costs time, never an event."""
        metrics.OUTAGES.labels(self._domain.name).inc()
        self.health.trouble = str(outage)
        log.warning("outage", extra={"detail": str(outage), "failures": self._failures})
        self._partitions.invalidate()
        self._unheard = self._unheard + 1 if isinstance(outage, OffsetsUnavailable) else 0
        self.stuck = self._unheard >= UNHEARD and reachable(self._kafka)
        self.stop.wait(BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)])
        self._failures += 1
        self._empty = 0

    def _succeeded(self, read: bool) -> None:
        """A batch was applied, or there was nothing to read for so long that none of those that failed is left."""
        self._empty = 0 if read else self._empty + 1
        if self._failures and not read and self._empty < EMPTY_POLLS:
            return
        if self._failures:
            log.info("recovered", extra={"failures": self._failures})
        self._failures = self._unheard = 0
        self.health.trouble = None
        self.health.succeeded()


def main(argv: Sequence[str] | None = None) -> None:
    """Exit 0 after SIGTERM or SIGINT; 2 with one sentence for configuration that can't work."""
    parser = argparse.ArgumentParser(prog="cm-api-consumer", description=__doc__.partition("\n")[0])
    parser.add_argument("--domain", required=True, choices=sorted(DOMAINS))
    domain = DOMAINS[parser.parse_args(argv).domain]
    with cli.exit_with_message():
        settings = load(ConsumerSettings)
        logs.configure(settings)
        logs.reload_on_sighup(settings)
        metrics.consumer_begins(domain.name)
        health = Health()
        consumer = started(lambda: Consumer(domain, settings, health))
    with health.serve(settings.health_host, settings.health_port):
        consumer.run()
        while not consumer.stop.is_set():
            if consumer.stuck:
                log.warning("kafka_client_stuck", extra={"group": domain.group})
            else:
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
    """Start as soon as broker and database answer; the last `Unavailable` after about two minutes."""
    for _ in range(attempts):
        try:
            return make()
        except Unavailable as outage:
            log.warning("waiting_to_start", extra={"detail": str(outage)})
            time.sleep(1.0)
    return make()


if __name__ == "__main__":
    main()
