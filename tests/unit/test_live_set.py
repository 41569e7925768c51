"""What is live, under a clock that the test moves: right at every boundary, the database asked only when needed.

Two replicas share one read model; each follows the topic for itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cm_api.domains.campaigns.cache import HORIZON, KINDS, LiveSet
from shop_core.testing import MemoryCampaigns

START = MemoryCampaigns.FIRST


class ReadModel(MemoryCampaigns):
    """The fake store, with replicas of a live set on it and what they ought to say."""

    def replica(self) -> LiveSet:
        return LiveSet(self, lambda: {0: self.applied}, lambda: self.now)

    def expected(self) -> list[str]:
        live = (doc for doc in self.docs.values() if doc["startDate"] <= self.now < doc["endDate"])
        return [doc["_id"] for doc in sorted(live, key=lambda doc: (doc["startDate"], doc["_id"]))]

    def boundary(self) -> datetime | None:
        moments = (moment for doc in self.docs.values() for moment in (doc["startDate"], doc["endDate"]))
        return min((moment for moment in moments if moment > self.now), default=None)


def ids(live: LiveSet, needed: dict[int, int] | None = None) -> list[str]:
    return [doc["_id"] for doc in live.get("campaigns", needed or {}).items]


moments = st.integers(0, 400_000).map(lambda ms: ms / 1000)
intervals = st.lists(st.tuples(moments, moments).filter(lambda pair: pair[0] < pair[1]), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(intervals, st.lists(st.one_of(moments, st.just("boundary"), st.just("tick")), min_size=1, max_size=25))
def test_two_replicas_are_right_at_every_moment(planned: list[Any], steps: list[Any]) -> None:
    model = ReadModel()
    for number, (start, end) in enumerate(planned):
        model.put(f"c{number}", start, end)
    replicas = [model.replica(), model.replica()]
    for step in steps:
        if step == "boundary":
            # Exactly when something starts or ends, and the last microsecond before it.
            until = model.boundary() or model.now
            model.now = max(model.now, until - timedelta(microseconds=1))
            assert all(ids(replica) == model.expected() for replica in replicas)
            model.now = until
        elif step == "tick":
            for replica in replicas:
                replica.keep_up({0: model.applied})
        else:
            model.now += timedelta(seconds=step)
        for replica in replicas:
            live = replica.get("campaigns", {})
            assert [doc["_id"] for doc in live.items] == model.expected()
            assert live.changes == model.boundary()


def test_starts_and_ends_within_the_horizon_ask_nobody() -> None:
    model = ReadModel()
    model.put("a", 0, 20)
    model.put("b", 10, 30)
    live = model.replica()
    assert ids(live) == ["a"]
    asked = model.asked["window"]
    for seconds, expected in ((9.999, ["a"]), (10, ["a", "b"]), (19.999, ["a", "b"]), (20, ["b"]), (30, [])):
        model.now = START + timedelta(seconds=seconds)
        assert ids(live) == expected
    assert model.asked["window"] == asked == len(KINDS)


def test_a_change_reaches_every_replica_that_follows() -> None:
    model = ReadModel()
    replicas = [model.replica(), model.replica()]
    assert [ids(replica) for replica in replicas] == [[], []]
    heard = {0: model.applied + 1}
    assert not any(replica.keep_up(heard) for replica in replicas), "in Kafka, not yet in the read model"
    model.put("new", 0, 10)
    assert all(replica.keep_up(heard) for replica in replicas)
    asked = model.asked["window"]
    assert [ids(replica) for replica in replicas] == [["new"], ["new"]]
    assert model.asked["window"] == asked, "the change was there before anyone asked"


def test_a_receipt_is_answered_by_a_state_that_has_it() -> None:
    model = ReadModel()
    live = model.replica()
    ids(live)
    model.put("mine", 0, 10)
    assert ids(live) == [], "nobody has told this replica yet"
    assert ids(live, {0: model.applied}) == ["mine"]


def test_without_kafka_an_old_snapshot_is_renewed() -> None:
    model = ReadModel()
    live = model.replica()
    ids(live)
    model.put("unheard", 0, 1000)
    model.now += HORIZON - timedelta(seconds=1)
    live.keep_up({})
    assert ids(live) == ["unheard"]


def test_a_clock_set_back_asks_again() -> None:
    model = ReadModel()
    model.put("a", -100, -10)
    live = model.replica()
    assert ids(live) == []
    model.now -= timedelta(seconds=50)
    assert ids(live) == ["a"]
