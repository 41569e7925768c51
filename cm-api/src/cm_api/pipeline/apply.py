"""Apply a batch and move the positions in one transaction; what can never be applied is set aside alone.

A batch that fails for good is halved until the events at fault stand alone: these become dead letters with the class
of their fault, the others are applied, in the order of each partition. An outage is nobody's fault and is left to the
caller.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cm_api.batch_result import Outcome, Refusal, added
from cm_api.failpoints import failpoint
from cm_api.pipeline import privacy
from cm_api.pipeline.accounting import counted
from cm_api.pipeline.dead_letters import to_rejection
from cm_api.pipeline.isolation import isolate
from cm_api.pipeline.outbox import to_pending
from cm_api.pipeline.partitions import PartitionPositions
from cm_api.pipeline.pending_rejections import without_erased
from cm_api.registry import read_model
from cm_api.settings import ConsumerSettings
from shop_core.errors import DatabaseFault, InvalidInput, Unavailable
from shop_core.events.envelope import Domain, Event, Message, decode
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession, Database, Document
from shop_core.mongo.erasures import Erasures
from shop_core.mongo.pending_events import PendingEvents
from shop_core.mongo.positions import PositionMoved
from shop_core.mongo.rejections import Rejections
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
LEFT_TO_THE_CALLER = (Unavailable, PositionMoved)


class Applier:
    """One domain's. `beat` is called before each transaction, so that a long batch is not taken for a stuck loop."""

    def __init__(
        self,
        domain: Domain,
        settings: ConsumerSettings,
        db: Database[Document],
        partitions: PartitionPositions,
        beat: Callable[[], None],
    ) -> None:
        self._domain = domain
        self._db = db
        self._partitions = partitions
        self._beat = beat
        self._model = read_model(domain.name)
        self._store = self._model.consumer_store(settings)
        self._hooks = self._model.hooks(settings, db)
        self._erasures = Erasures(db, domain.name)
        self._rejections = Rejections(db)
        self._pending = PendingEvents(db)

    def apply(self, messages: Sequence[Message]) -> Outcome:
        """What the batch came to; `Unavailable` where a dependency is away, `PositionMoved` where others were there."""
        started = time.monotonic()
        events, refused = self._decode(messages)
        failpoint("decoded")
        found: list[Outcome] = []

        def merge(some: Sequence[Message]) -> None:
            mine = {message.receipt for message in some}
            found.append(
                self._together(
                    some, [e for e in events if e.receipt in mine], [r for r in refused if r.receipt in mine]
                )
            )

        def aside(message: Message, error: Exception) -> None:
            found.append(self._set_aside(message, error))

        try:
            merge(messages)
        except LEFT_TO_THE_CALLER:
            raise
        except Exception as error:
            self._log_fault("batch_failed", error)
            isolate(messages, merge, aside, LEFT_TO_THE_CALLER)
        outcome = added(found)
        self._report(messages, events, outcome, started)
        return outcome

    def _set_aside(self, message: Message, error: Exception) -> Outcome:
        """Make a dead letter of the one message that `error` is about."""
        self._log_fault("event_set_aside", error, message.receipt)
        refusal = refusal_of(message.receipt, error)
        metrics.SET_ASIDE.labels(self._domain.name, refusal.kind).inc()
        try:
            return self._together([message], [], [refusal])
        except LEFT_TO_THE_CALLER:
            raise
        except DatabaseFault as fault:  # not even that: then it is the database, and not the event
            raise Unavailable(str(fault)) from fault
        except Exception as fault:  # the message itself can't be kept: then only that it was there
            self._log_fault("message_not_kept", fault, message.receipt)
            bare = dataclasses.replace(message, key=None, value=None, headers=())
            return self._together([bare], [], [refusal])

    def _together(self, messages: Sequence[Message], events: Sequence[Event], refused: Sequence[Refusal]) -> Outcome:
        """One transaction, again at once where another one came first."""
        moves = self._partitions.moves(messages)
        raw = {message.receipt: message for message in messages}

        def work(session: ClientSession) -> Outcome:
            outcome = self._apply(session, events)
            outcome = dataclasses.replace(outcome, refused=[*refused, *outcome.refused])
            if outcome.refused:
                docs = [to_rejection(raw[r.receipt], r) for r in outcome.refused]
                self._rejections.add(session, [without_erased(doc, outcome.erased) for doc in docs])
            if outcome.derived:
                told = [to_pending(each, raw[each.receipt].headers) for each in outcome.derived]
                self._pending.add(session, told)
            self._partitions.positions.move(session, counted(moves, messages, outcome))
            self._hooks.about_to_commit(outcome)
            return outcome

        def conflicted() -> None:
            metrics.CONFLICTS.labels(self._domain.name).inc()
            self._beat()

        self._beat()
        outcome = client.in_transaction_again(self._db, work, conflicted)
        failpoint("committed")
        self._hooks.committed(outcome)
        self._partitions.advance(moves)
        return outcome

    def _apply(self, session: ClientSession, events: Sequence[Event]) -> Outcome:
        if not events:
            return Outcome(0, (), ())
        store = self._store(self._db, session)
        return privacy.apply(self._model, store, self._erasures, session, events)

    def _decode(self, messages: Sequence[Message]) -> tuple[list[Event], list[Refusal]]:
        events: list[Event] = []
        refused: list[Refusal] = []
        for message in messages:
            try:
                events.append(decode(self._domain, message))
            except InvalidInput as error:
                refused.append(Refusal(message.receipt, str(error)[:500]))
            # Nothing that a record holds may stop those beside it, what we did not think of least of all.
            except Exception as error:
                self._log_fault("event_set_aside", error, message.receipt)
                metrics.SET_ASIDE.labels(self._domain.name, "fault").inc()
                refused.append(refusal_of(message.receipt, error))
        return events, refused

    def _log_fault(self, event: str, error: Exception, receipt: str = "") -> None:
        """Where it happened; a database's own words are left out, which may quote the document."""
        log.error(event, extra={"receipt": receipt, "error": kind_of(error)},
                  exc_info=None if isinstance(error, DatabaseFault) else error)  # fmt: skip

    def _report(self, messages: Sequence[Message], events: Sequence[Event], outcome: Outcome, started: float) -> None:
        name, now = self._domain.name, datetime.now(UTC)
        metrics.BATCH_EVENTS.labels(name).observe(len(messages))
        metrics.BATCH_SECONDS.labels(name).observe(time.monotonic() - started)
        metrics.APPLIED.labels(name, "applied").inc(outcome.applied)
        metrics.APPLIED.labels(name, "duplicate").inc(outcome.duplicates)
        metrics.APPLIED.labels(name, "rejected").inc(len(outcome.refused))
        # One of an erasure's copies stands in partition 0: it counts for all of them.
        metrics.ERASED.inc(sum(not event.everywhere or event.place[0] == 0 for event in outcome.erased))
        metrics.LATE.labels(name).inc(outcome.late)
        delay = metrics.DELAY.labels(name)
        for event in events:
            delay.observe(max(0.0, (now - event.time).total_seconds()))
            log.debug("applied", extra={"event_id": event.id, "receipt": event.receipt})
        for refusal in outcome.refused:
            log.warning("rejected", extra={"receipt": refusal.receipt, "reason": refusal.reason})


def refusal_of(receipt: str, error: Exception) -> Refusal:
    """Why an event was set aside that may well be right."""
    if isinstance(error, DatabaseFault):
        return Refusal(receipt, f"the database can't store it: {error}", "failed", "permanent")
    return Refusal(receipt, f"the service failed on it ({type(error).__name__}); its log says where", "failed", "fault")


def kind_of(error: Exception) -> str:
    return str(error) if isinstance(error, DatabaseFault) else type(error).__name__
