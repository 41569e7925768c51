"""Hours, days and who is new in them: the projection against a plain recount, and memory against the store."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm_api.domains.analytics.buckets import LENGTH, Bucket, Step
from cm_api.domains.analytics.cache import LOOK_BACK, MAX_AGE, CountsCache
from cm_api.domains.analytics.projection import apply
from cm_api.domains.analytics.working_set import CLOSED_BEFORE, Counted, Increment, Visitor, expiry, visitors
from shop_core.events.analytics import INTERACTION_RECORDED, LAST_MILLISECOND, InteractionRecorded, to_milliseconds
from shop_core.events.envelope import Event

NOW = datetime(2028, 2, 29, 23, 59, 59, 999000, tzinfo=UTC)
HOUR = LENGTH["hour"]
_numbers = itertools.count()


class MemoryCounts:
    """`AnalyticsStore` in memory: what the projection writes and what memory reads."""

    def __init__(self) -> None:
        self.kept = timedelta(days=90)
        self.time = NOW
        self.may_repeat: dict[str, str] = {}
        self.visitors: dict[str, datetime] = {}
        self.shards: dict[tuple[Bucket, int], Counted] = {}
        self.closes: dict[Bucket, datetime] = {}
        self.stamps: dict[Bucket, datetime] = {}
        self.asked: list[set[Bucket]] = []

    def now(self) -> datetime:
        return self.time

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        return {id: self.may_repeat[id] for id in ids if id in self.may_repeat}

    def remember(self, events: Mapping[str, Event]) -> None:
        self.may_repeat |= {id: event.digest for id, event in events.items()}

    def known(self, wanted: Sequence[Visitor]) -> list[Visitor]:
        return [visitor for visitor in wanted if self.visitors.get(visitor.id, self.time) > self.time]

    def closing(self, buckets: Iterable[Bucket]) -> dict[Bucket, datetime]:
        return {bucket: self.closes[bucket] for bucket in buckets if bucket in self.closes}

    def write(self, shard: int, increments: Mapping[Bucket, Increment], partitions: Mapping[str, int]) -> None:
        for bucket, increment in increments.items():
            expires = expiry(bucket, self.time, self.kept)
            before = self.shards.get((bucket, shard), Counted())
            self.shards[(bucket, shard)] = before.plus(increment.counted)
            self.closes[bucket] = min(expires - CLOSED_BEFORE, self.closes.get(bucket, expires))
            self.stamps[bucket] = self.time
            self.visitors |= {visitor.id: expires for visitor in visitors({bucket: increment})}

    def changed(self, since: datetime) -> set[Bucket]:
        return {bucket for bucket, stamp in self.stamps.items() if stamp >= since}

    def counted(self, buckets: Iterable[Bucket]) -> dict[Bucket, Counted]:
        wanted = set(buckets)
        self.asked.append(wanted)
        found: dict[Bucket, Counted] = {}
        for (bucket, _), counted in self.shards.items():
            if bucket in wanted:
                found[bucket] = found.get(bucket, Counted()).plus(counted)
        return found


def interaction(
    timestamp: int, user: str = "u", kind: Any = "click", id: str = "", partition: int = 0, digest: str = "d"
) -> Event:
    data = InteractionRecorded(user, kind, timestamp)
    data.check()
    number = next(_numbers)
    receipt = f"shop.analytics-{partition}-{number}"
    return Event(id or f"i{number}", INTERACTION_RECORDED, NOW, digest, data, receipt, may_repeat=bool(id))


def recount(events: Iterable[Event], step: Step) -> dict[Bucket, Counted]:
    """The plain way: every event of a bucket, counted by itself."""
    by_bucket: dict[Bucket, list[InteractionRecorded]] = defaultdict(list)
    for event in events:
        by_bucket[Bucket(step, event.data.timestamp // LENGTH[step])].append(event.data)
    return {
        bucket: Counted(
            len({each.user for each in found}),
            sum(each.kind == "click" for each in found),
            sum(each.kind == "impression" for each in found),
        )
        for bucket, found in by_bucket.items()
    }


# Moments around the ends of hours, of days, of February 2028 and of the year.
edges = st.sampled_from(
    [datetime(2028, 2, 28, 23, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC),
     datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 12, 31, 23, tzinfo=UTC), datetime(1970, 1, 1, 1, tzinfo=UTC),
     datetime(2028, 3, 26, 1, tzinfo=UTC), datetime(2028, 10, 29, 1, tzinfo=UTC)]
)  # fmt: skip
timestamps = st.tuples(edges, st.sampled_from([-HOUR, -1, 0, 1, HOUR - 1, HOUR])).map(
    lambda pair: max(0, to_milliseconds(pair[0]) + pair[1])
)
users = st.sampled_from([f"u{n}" for n in range(6)])
sent = st.lists(st.tuples(timestamps, users, st.sampled_from(["click", "impression"])), max_size=40)


@settings(max_examples=200, deadline=None)
@given(sent, st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 3))
def test_any_batches_on_any_consumers_come_to_a_plain_recount(
    triples: list[tuple[int, str, str]], sizes: list[int], partitions: int
) -> None:
    store = MemoryCounts()
    events = [interaction(at, user, kind, partition=int(user[1:]) % partitions) for at, user, kind in triples]
    left = list(events)
    for size in itertools.cycle(sizes):
        if not left:
            break
        batch, left = left[:size], left[size:]
        outcome = apply(store, batch)  # type: ignore[arg-type]
        assert outcome.applied == len(batch)
    for step in LENGTH:
        expected = recount(events, step)
        assert store.counted(expected) == expected


@given(st.integers(0, LAST_MILLISECOND), st.sampled_from(["hour", "day"]))
def test_a_bucket_has_its_first_millisecond_and_not_the_next_ones(at: int, step: Step) -> None:
    bucket = Bucket.of(step, at)
    start, end = to_milliseconds(bucket.start), to_milliseconds(bucket.end)
    assert start <= at < end == start + LENGTH[step]
    assert Bucket.of(step, start) == Bucket.of(step, end - 1) == bucket
    assert Bucket.of(step, end).number == bucket.number + 1
    assert (bucket.start.minute, bucket.start.second, bucket.start.microsecond) == (0, 0, 0)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 29)))
def test_the_hour_of_a_moment_is_what_the_calendar_says(moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    assert Bucket.of("hour", to_milliseconds(at)).start == at.replace(minute=0, second=0, microsecond=0)
    assert Bucket.of("day", to_milliseconds(at)).start == at.replace(hour=0, minute=0, second=0, microsecond=0)


def test_named_events_count_once_and_others_each_time() -> None:
    store = MemoryCounts()
    at = to_milliseconds(NOW)
    again = [interaction(at, id="key"), interaction(at, id="key"), interaction(at, id="key", digest="other")]
    outcome = apply(store, [*again, interaction(at), interaction(at)])  # type: ignore[arg-type]
    assert (outcome.applied, outcome.duplicates, [r.code for r in outcome.refused]) == (3, 1, ["conflict"])
    assert apply(store, [interaction(at, id="key")]).duplicates == 1  # type: ignore[arg-type]
    assert store.counted([Bucket.of("hour", at)]) == {Bucket.of("hour", at): Counted(1, 3, 0)}


def test_late_events_are_counted_as_such_and_reopen_their_hour() -> None:
    store = MemoryCounts()
    at = to_milliseconds(NOW)
    outcome = apply(store, [interaction(at), interaction(at - HOUR), interaction(at - 24 * HOUR)])  # type: ignore[arg-type]
    assert (outcome.applied, outcome.late) == (3, 2)


def test_an_hour_whose_visitors_are_forgotten_takes_no_more() -> None:
    store = MemoryCounts()
    at = to_milliseconds(NOW)
    apply(store, [interaction(at)])  # type: ignore[arg-type]
    store.time = Bucket.of("day", at).end + store.kept - CLOSED_BEFORE
    outcome = apply(store, [interaction(at, "other"), interaction(to_milliseconds(store.time))])  # type: ignore[arg-type]
    assert (outcome.applied, len(outcome.refused)) == (1, 1)
    assert "closed" in outcome.refused[0].reason
    assert store.counted([Bucket.of("hour", at)]) == {Bucket.of("hour", at): Counted(1, 1, 0)}
    untouched = at - 1000 * 24 * HOUR
    assert apply(store, [interaction(untouched)]).applied == 1, "an old hour that is new is kept from now on"  # type: ignore[arg-type]
    assert apply(store, [interaction(untouched)]).applied == 1  # type: ignore[arg-type]
    assert store.counted([Bucket.of("hour", untouched)]) == {Bucket.of("hour", untouched): Counted(1, 2, 0)}


class Clock:
    """A monotonic clock and a wall clock that only the test moves."""

    def __init__(self, store: MemoryCounts) -> None:
        self._store = store
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self._store.time += timedelta(seconds=seconds)


@pytest.fixture
def memory() -> tuple[MemoryCounts, Clock, CountsCache]:
    store = MemoryCounts()
    clock = Clock(store)
    return store, clock, CountsCache(store, lambda: {0: len(store.asked)}, store.now, clock)


def test_memory_is_never_older_than_its_limit_and_asks_the_past_once(memory: Any) -> None:
    store, clock, counts = memory
    past, current = Bucket.of("hour", 0), Bucket.at("hour", NOW)
    assert counts.get([past, current], {})[0] == [Counted(), Counted()]
    apply(store, [interaction(to_milliseconds(NOW))])
    assert counts.get([current], {})[0] == [Counted()], "within the limit"
    clock.move(MAX_AGE)
    found, offsets = counts.get([past, current], {})
    assert (found, offsets) == ([Counted(), Counted(1, 1, 0)], {0: 1})
    assert [asked for asked in store.asked[1:] if past in asked] == [], "the past is read once"


def test_a_late_event_reopens_an_hour_in_memory(memory: Any) -> None:
    store, clock, counts = memory
    past = Bucket.of("hour", 0)
    counts.get([past], {})
    clock.move(3600)
    counts.get([past], {})
    store.time -= LOOK_BACK / 2  # the consumer's clock is behind, and its transaction was slow
    apply(store, [interaction(5, partition=3), interaction(6, partition=3)])
    store.time += LOOK_BACK / 2
    clock.move(MAX_AGE)
    assert counts.get([past], {})[0] == [Counted(1, 2, 0)]


def test_a_receipt_is_answered_by_counts_that_have_it(memory: Any) -> None:
    store, _, counts = memory
    current = Bucket.at("hour", NOW)
    counts.get([current], {})
    apply(store, [interaction(to_milliseconds(NOW))])
    assert counts.get([current], {0: 1})[0] == [Counted(1, 1, 0)]
