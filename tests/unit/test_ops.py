"""What cm-ops tells, made of values alone: the conservation line, states, the hot partition, rates and the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cm_api.batch_result import Outcome, Refusal
from cm_api.pipeline.accounting import counted
from cm_ops.balance import partition_balances
from cm_ops.history import KEPT, STEP_SECONDS, History, Totals
from cm_ops.looking import Away, Looking
from cm_ops.snapshot import domain_state, with_rates
from shop_core.errors import Unavailable
from shop_core.events.envelope import Message
from shop_core.events.purchases import DOMAIN
from shop_core.kafka.group_watch import LogState, Member, members_of
from shop_core.mongo.event_counts import EventCounts, counts_in
from shop_core.mongo.positions import Account, Move, Position
from shop_core.responses.operations import DomainState, Rates

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
LOG = LogState("id", {0: 0, 1: 0}, {0: 10, 1: 4}, (Member("a", frozenset({0})), Member("b", frozenset({1}))))
EVEN = Rates(1.0, 1.0, None)


def account(offset: int, **counts: int) -> Account:
    return Account(offset, "id", EventCounts(**counts))


def line(accounts: dict[int, Account], log: LogState = LOG) -> dict[str, int]:
    """What is not 0 of the balance."""
    balance = domain_state(DOMAIN, accounts, log).balance
    names = balance.__struct_fields__
    return {name: value for name in names if (value := getattr(balance, name))}


def test_whatever_is_accepted_is_in_one_of_them() -> None:
    there = {0: account(7, stored=4, duplicate=1, rejected=1, empty=1), 1: account(4, stored=3, skipped=1)}
    expected = {"accepted": 13, "stored": 7, "duplicate": 1, "rejected": 1, "skipped": 1, "waiting": 3}
    assert line(there) == expected


def test_what_nobody_has_read_waits_and_what_left_the_log_before_is_gone() -> None:
    assert line({}) == {"accepted": 14, "waiting": 14}
    shorter = replace(LOG, starts={0: 6, 1: 4})
    assert line({0: account(5, stored=5)}, shorter) == {"accepted": 14, "stored": 5, "waiting": 4, "gone": 5}
    seen = {0: account(6, stored=5, gone=1), 1: account(4, gone=4)}
    assert line(seen, shorter) == line({0: account(5, stored=5)}, shorter)


def test_a_lost_event_is_a_difference() -> None:
    assert line({0: account(10, stored=9), 1: account(4, stored=4)})["difference"] == 1
    assert line({0: account(12, stored=12), 1: account(4, stored=4)})["difference"] == -2, "the log lost its end"


def test_a_position_in_another_topic_of_that_name_counts_for_nothing() -> None:
    assert line({0: Account(9, "other", EventCounts(stored=9))}) == {"accepted": 14, "waiting": 14}


def test_who_does_not_count_is_seen_by_how_far_it_went() -> None:
    before = {"_id": "g/t/0", "offset": 9}
    assert counts_in(before) == EventCounts(moved=9)
    assert counts_in(before | {"offset": 12, "counted": 3, "counts": {"stored": 3}}) == EventCounts(stored=3, moved=9)


def message(partition: int, offset: int) -> Message:
    return Message("t", partition, offset, None, None, ())


def test_a_batch_is_counted_where_its_events_are() -> None:
    batch = [message(0, 5), message(0, 7), message(0, 8), message(1, 0), message(1, 1)]
    moves = {("t", 0): Move(Position(5, "id"), 9), ("t", 1): Move(Position(0, "id"), 2)}
    outcome = Outcome(2, ["t-0-7", "t-1-1"], [Refusal("t-1-0", "why")])
    counts = {tp: move.counts for tp, move in counted(moves, batch, outcome).items()}
    assert counts == {
        ("t", 0): EventCounts(stored=2, duplicate=1, empty=1),
        ("t", 1): EventCounts(duplicate=1, rejected=1),
    }
    forgot = counted(moves, batch, replace(outcome, applied=1))
    assert forgot[("t", 0)].counts.total == 3, "one short of the four offsets that it moved by"


@pytest.mark.parametrize(
    ("accounts", "log", "rates", "state"),
    [
        ({0: account(10, stored=10), 1: account(4, stored=4)}, LOG, None, "calm"),
        ({}, LOG, None, "calm"),
        ({}, replace(LOG, members=()), None, "stopped"),
        ({}, replace(LOG, ends={0: 500, 1: 500}), None, "growing"),
        ({}, replace(LOG, ends={0: 500, 1: 500}), EVEN, "growing"),
        ({}, replace(LOG, ends={0: 500, 1: 500}), Rates(1.0, 9.0, 100.0), "busy"),
        ({1: replace(account(4, stored=4), unreadable="an unknown codec")}, LOG, None, "stuck"),
    ],
)
def test_the_state_of_a_domain(accounts: dict[int, Account], log: LogState, rates: Rates | None, state: str) -> None:
    assert with_rates(domain_state(DOMAIN, accounts, log), rates).state == state


def hot(ends: dict[int, int]) -> list[tuple[int, str | None]]:
    state: DomainState = domain_state(DOMAIN, {}, replace(LOG, starts=dict.fromkeys(ends, 0), ends=ends))
    return [(each.partition, each.member) for each in state.partitions if each.hot]


def test_a_partition_is_hot_where_it_has_most_of_a_lag_that_matters() -> None:
    assert hot({0: 900, 1: 90}) == [(0, "a")]
    assert hot({0: 90, 1: 900}) == [(1, "b")]
    assert hot({0: 500, 1: 500}) == [] == hot({0: 50, 1: 2})


def test_members_are_told_with_what_they_have_of_this_topic() -> None:
    assigned = [{"topic": "t", "partitions": [2, 1]}, {"topic": "u", "partitions": [3]}]
    busy = {
        "client_host": "/10.0.0.7",
        "member_id": "cm-api-x-0a1b2c",
        "member_assignment": {"assigned_partitions": assigned},
    }
    joining = {"client_host": "/10.0.0.8", "member_id": "cm-api-x-ffffff", "member_assignment": b""}
    assert members_of("t", {"members": [busy, joining]}) == (
        Member("10.0.0.8 ffff", frozenset()),
        Member("10.0.0.7 1b2c", frozenset({1, 2})),
    )
    assert members_of("t", {}) == ()


def test_rates_are_of_the_last_seconds_and_tell_when_nothing_waits() -> None:
    history = History()
    for second in range(31):
        history.add(NOON + timedelta(seconds=second), {"x": Totals(10 * second, 15 * second, 100)})
        if second == 0:
            assert history.rates("x") is None
    assert history.rates("x") == Rates(10.0, 15.0, 20.0)
    history.add(NOON + timedelta(seconds=31), {"x": Totals(0, 0, 0)})
    assert history.rates("x") is None, "another topic"
    assert history.rates("unknown") is None


def test_the_past_is_a_quarter_of_an_hour() -> None:
    history = History()
    for second in range(2000):
        history.add(NOON + timedelta(seconds=second), {"x": Totals(second, second, 0)})
    told = history.told().domains["x"]
    assert (len(told), told[-1].accepted - told[0].accepted) == (KEPT, STEP_SECONDS * (KEPT - 1))


class Logs:
    """As `GroupWatch`, told what to say."""

    def __init__(self) -> None:
        self.says: Any = {DOMAIN.name: LOG}
        self.looks = 0

    def look(self) -> Any:
        self.looks += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def close(self) -> None:
        """Nothing is open."""


def test_one_look_is_for_all_who_ask_within_a_second() -> None:
    logs = Logs()
    looking = Looking([DOMAIN], lambda domain: {}, logs)
    looking.start()
    try:
        assert len({id(looking.now()) for _ in range(20)}) <= 2
        assert logs.looks <= 2
        assert looking.history().domains[DOMAIN.name][0].accepted == 14
    finally:
        looking.close()


def test_what_is_away_is_named_and_what_comes_back_is_told() -> None:
    logs = Logs()
    looking = Looking([DOMAIN], lambda domain: {}, logs)
    assert looking.look().balance.accepted == 14
    logs.says = Unavailable("a broker at its address")
    with pytest.raises(Away, match=r"^Kafka does not answer$"):
        looking.look()

    def fails(domain: Any) -> Any:
        raise Unavailable("a database at its address")

    with pytest.raises(Away, match=r"^MongoDB does not answer$"):
        Looking([DOMAIN], fails, Logs()).look()


def test_balances_are_by_partition() -> None:
    found = partition_balances({0: account(7, stored=7)}, LOG)
    assert {number: each.waiting for number, each in found.items()} == {0: 3, 1: 4}
