"""From interactions to counts. Pure but for the store it is given; runs inside the consumer's transaction.

The position in the same transaction makes each record of the log count once; only those that may be in the log twice
(named by a client's Idempotency-Key, or sent again from the dead letters) are remembered by their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cm_api.batch_result import Outcome, Refusal
from cm_api.domains.analytics.buckets import Bucket
from cm_api.domains.analytics.store import AnalyticsStore
from cm_api.domains.analytics.working_set import add_up, forget, may_be_closed, visitors
from cm_api.erasure import by_user
from shop_core.events.envelope import Event

USED_BEFORE = "Idempotency-Key was used before for another interaction"
CLOSED = "its hour is closed: who was in it is no longer known, so a new event could count a user twice"


def apply(store: AnalyticsStore, events: Sequence[Event]) -> Outcome:
    """Count what is new, leave known ids alone, refuse what comes after its hour was closed."""
    fresh, refused, repeated, may_repeat = sort_out(store, events)
    closed = closed_days(store, fresh)
    refused += [Refusal(event.receipt, CLOSED) for event in fresh if day_of(event) in closed]
    fresh = [event for event in fresh if day_of(event) not in closed]
    count(store, fresh)
    store.remember({event.id: event for event in fresh if event.id in may_repeat})
    late = sum(Bucket.of("hour", event.data.timestamp).end <= event.time for event in fresh)
    return Outcome(len(fresh), repeated, refused, late=late)


def erase(store: AnalyticsStore, events: Sequence[Event]) -> Outcome:
    """Nothing says any more which hours these users were in; who of them comes back is new in that hour."""
    store.forget(by_user(events))
    return Outcome(len(events), (), ())


def sort_out(store: AnalyticsStore, events: Sequence[Event]) -> tuple[list[Event], list[Refusal], list[str], set[str]]:
    """(new events, refusals, receipts of known ones, ids among the new ones to remember)."""
    digests = store.applied([event.id for event in events if event.may_repeat])
    may_repeat: set[str] = set()
    fresh: list[Event] = []
    refused: list[Refusal] = []
    repeated: list[str] = []
    for event in events:
        digest = digests.get(event.id) if event.may_repeat else None
        if digest is None:
            fresh.append(event)
            if event.may_repeat:
                digests[event.id] = event.digest
                may_repeat.add(event.id)
        elif digest == event.digest:
            repeated.append(event.receipt)
        else:
            refused.append(Refusal(event.receipt, USED_BEFORE, "conflict"))
    return fresh, refused, repeated, may_repeat


def closed_days(store: AnalyticsStore, events: Sequence[Event]) -> set[Bucket]:
    """The days that take no more events; asked for only where one may be that old."""
    now: datetime = store.now()
    old = {day for day in map(day_of, events) if may_be_closed(day, now, store.kept)}
    return {day for day, closes in store.closing(old).items() if closes <= now} if old else set()


def count(store: AnalyticsStore, events: Sequence[Event]) -> None:
    """Add the events to their hours and days; who is known in an hour is known in its day."""
    if not events:
        return
    data = [event.data for event in events]
    hours, days = add_up("hour", data), add_up("day", data)
    forget(hours, store.known(visitors(hours)))
    new = {(hour_day(visitor.bucket), visitor.user) for visitor in visitors(hours)}
    forget(days, [visitor for visitor in visitors(days) if (visitor.bucket, visitor.user) not in new])
    forget(days, store.known(visitors(days)))
    store.write(shard_of(events), hours | days, {event.data.user: event.place[0] for event in events})


def shard_of(events: Sequence[Event]) -> int:
    """A partition that is this consumer's, so that no other consumer writes to the same counts."""
    return min(event.place[0] for event in events)


def day_of(event: Event) -> Bucket:
    return Bucket.of("day", event.data.timestamp)


def hour_day(hour: Bucket) -> Bucket:
    return Bucket("day", hour.number // 24)
