"""The way of one event: its steps by what is known of it, the chain of redrives, and how far is looked for others."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from shop_core.events.envelope import OUR_SOURCE, REDRIVEN, Message
from shop_core.events.trace_context import headers_of_request
from shop_core.following import follow
from shop_core.following.fates import Fate, Refused
from shop_core.following.steps import traced
from shop_core.kafka.fetching import Faults, Unreadable
from shop_core.kafka.newest import Newest
from shop_core.mongo.letter_notes import Note
from shop_core.mongo.positions import Skip, Stored
from shop_core.responses.traces import LookedAt, Trace
from shopctl.trace import lines, looked

TOPIC, ID, TRACE = "shop.purchases", "019ae5b4-0000-7000-8000-000000000001", "4bf92f3577b34da6a3ce929d0e0e4736"
AT = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
MILLISECONDS = int(AT.timestamp() * 1000)
RECEIPT = f"{TOPIC}-3-7"
REFUSED = Refused("price: must be more than 0", "rejected", AT, "sent")


def message(offset: int = 7, id: str = ID, source: str = OUR_SOURCE, redriven: str = "", partition: int = 3) -> Message:
    headers: list[tuple[str, bytes | None]] = [
        ("ce_id", id.encode()),
        ("ce_type", b"shop.purchase.made.v1"),
        ("ce_source", source.encode()),
    ]
    headers += [("ce_time", b"2026-11-28T01:02:02Z"), *headers_of_request(TRACE, "", "")]
    headers += [(REDRIVEN, redriven.encode())] if redriven else []
    return Message(TOPIC, partition, offset, b"ada-1", b'{"userid":"ada-1"}', tuple(headers), MILLISECONDS)


def stands(offset: int, **more: Any) -> Stored:
    return Stored(offset, more.pop("skipped", ()), **more)


FATES = {
    "waiting": (Fate(stands(5)), ["waiting"], "stands at offset 5, 2 before it"),
    "nobody reads": (Fate(None), ["waiting"], "has not read its partition yet"),
    "stands still": (Fate(stands(5, unreadable="bad CRC")), ["waiting"], "stands still: bad CRC"),
    "stored": (Fate(stands(8, at=AT)), ["stored"], "not after 2026-11-28T01:02:03Z"),
    "skipped": (Fate(stands(8, skipped=[Skip(7, 8, "bad CRC")])), ["skipped"], "an operator let"),
    "rejected": (Fate(stands(8), REFUSED), ["rejected", "dead letter"], f"{RECEIPT} in shop.purchases.dlq"),
    "on its way": (
        Fate(stands(8), Refused("x", "fault", AT, "pending")),
        ["set aside", "dead letter"],
        "waits for its way to shop.purchases.dlq",
    ),
    "erased": (Fate(stands(8), Refused("x", "rejected", AT, "erased")), ["rejected", "dead letter"], "was erased"),
    "redriven": (
        Fate(stands(8), REFUSED, Note(f"redriven {TOPIC}-3-9", "ada", AT, None, None)),
        ["rejected", "dead letter", "redriven"],
        f"as {TOPIC}-3-9, stored",
    ),
    "sent again": (
        Fate(stands(8), REFUSED, Note(None, "ada", None, None, f"{TOPIC}-3-9")),
        ["rejected", "dead letter", "redriven"],
        "not seen stored yet",
    ),
    "discarded": (
        Fate(stands(8), REFUSED, Note("discarded", "ada", AT, "a trial of ada's", None)),
        ["rejected", "dead letter", "discarded"],
        "put it aside",
    ),
}


@pytest.mark.parametrize("name", FATES)
def test_each_step_is_told_and_nothing_of_whom(name: str) -> None:
    fate, steps, about = FATES[name]
    told = traced(RECEIPT, message(), fate)
    assert [step.name for step in told.steps] == ["accepted", "logged", *steps]
    assert told.state == steps[0] and about in told.steps[-1].about
    assert [step.at for step in told.steps[:2]] == ["2026-11-28T01:02:02Z", "2026-11-28T01:02:03Z"]
    assert (told.id, told.type, told.request_id, told.trace_id) == (ID, "shop.purchase.made.v1", TRACE, TRACE)
    assert "ada" not in json.dumps(msgspec.to_builtins(told))


def test_of_a_record_that_is_gone_the_outcome_is_told() -> None:
    told = traced(RECEIPT, None, Fate(stands(8), REFUSED))
    assert [step.name for step in told.steps] == ["left the log", "rejected", "dead letter"]
    assert (told.state, told.reason, told.id) == ("rejected", REFUSED.reason, None)


def test_a_strangers_record_is_told_of_whatever_it_holds() -> None:
    odd = Message(
        TOPIC, 0, 0, None, None, (("ce_id", b"\xff"), ("ce_time", b"x"), (REDRIVEN, b"\xff"), ("ce_type", None))
    )
    told = traced(f"{TOPIC}-0-0", odd, Fate(None))
    assert (told.type, told.redriven_of, told.steps[0].at, told.steps[1].at) == (None, None, None, None)
    other = traced(RECEIPT, message(source="/theirs", id="ada@example.org"), Fate(None))
    assert other.id and "ada" not in other.id, "a stranger's id may be a name"


def test_what_was_sent_again_is_told_with_all_that_it_was() -> None:
    log = {
        f"{TOPIC}-3-7": message(7),
        f"{TOPIC}-3-9": message(9, redriven=f"{TOPIC}-3-7"),
        f"{TOPIC}-3-11": message(11, redriven=f"{TOPIC}-3-9"),
    }
    successors = {f"{TOPIC}-3-7": f"{TOPIC}-3-9", f"{TOPIC}-3-9": f"{TOPIC}-3-11"}

    def fate(receipt: str) -> Fate:
        if receipt not in successors:
            return Fate(stands(20))
        return Fate(stands(20), REFUSED, Note(f"redriven {successors[receipt]}", "x", AT, None, None))

    for asked in log:
        assert list(follow.chain(asked, log.get, fate)) == list(log)
    round_about = {f"{TOPIC}-3-7": message(7, redriven=f"{TOPIC}-3-7")}
    assert list(follow.chain(f"{TOPIC}-3-7", round_about.get, lambda _: Fate(None))) == [f"{TOPIC}-3-7"]
    gone = follow.chain(f"{TOPIC}-3-9", {f"{TOPIC}-3-9": log[f"{TOPIC}-3-9"]}.get, lambda _: Fate(stands(20)))
    assert list(gone) == [f"{TOPIC}-3-7", f"{TOPIC}-3-9"]


class Log:
    """kafka-python's consumer as far as `Newest` needs it: offsets from `start` on, one a second, in each partition."""

    def __init__(self, faults: Faults, partitions: dict[int, tuple[int, int]], unreadable: int | None = None) -> None:
        self._faults, self._partitions, self._unreadable = faults, partitions, unreadable
        self._paused: set[Any] = set()
        self._at: dict[Any, int] = {}
        self._subscription = SimpleNamespace(assignment={})

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(self._partitions) if topic == TOPIC else None

    def assign(self, tps: Sequence[Any]) -> None:
        self._at = dict.fromkeys(tps, 0)

    def beginning_offsets(self, tps: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        return {tp: self._partitions[tp.partition][0] for tp in tps}

    def end_offsets(self, tps: Sequence[Any], timeout_ms: int) -> dict[Any, int]:
        return {tp: self._partitions[tp.partition][1] for tp in tps}

    def seek(self, tp: Any, offset: int) -> None:
        self._at[tp] = offset

    def pause(self, *tps: Any) -> None:
        self._paused |= set(tps)

    def resume(self, *tps: Any) -> None:
        self._paused -= set(tps)

    def poll(self, timeout_ms: int, max_records: int) -> dict[Any, list[Any]]:
        found = {}
        for tp in set(self._at) - self._paused:
            if tp.partition == self._unreadable:
                self._faults._unreadable[tp] = Unreadable(tp.topic, tp.partition, self._at[tp], None, "bad CRC")
                continue
            some = range(self._at[tp], min(self._at[tp] + 5, self._partitions[tp.partition][1]))
            self._at[tp] = some.stop
            found[tp] = [self._record(tp, offset) for offset in some]
            position = SimpleNamespace(offset=some.stop)
            self._subscription.assignment[tp] = SimpleNamespace(position=position)
        return found

    def _record(self, tp: Any, offset: int) -> Any:
        made = message(offset, id=f"{tp.partition}/{offset}", partition=tp.partition)
        return SimpleNamespace(
            topic=tp.topic, partition=tp.partition, offset=offset, key=made.key, value=made.value, headers=made.headers,
            timestamp=offset * 1000,
        )  # fmt: skip


def newest(partitions: dict[int, tuple[int, int]], unreadable: int | None = None) -> Newest:
    faults = Faults()
    return Newest(cast(Any, Log(faults, partitions, unreadable)), faults, [TOPIC, "shop.missing"])


def soon() -> float:
    return time.monotonic() + 5


def test_the_newest_are_read_first_and_each_once() -> None:
    log = newest({0: (0, 30), 1: (100, 107)})
    assert {(each.partition, each.offset) for each in log.back(14, soon())} == {
        *((0, offset) for offset in range(23, 30)),
        *((1, offset) for offset in range(100, 107)),
    }
    assert (log.looked, log.since(), log.whole) == (14, 23_000, False)
    rest = [(each.partition, each.offset) for each in (*log.back(13, soon()), *log.back(15, soon()))]
    assert sorted(rest) == [(0, offset) for offset in range(23)]
    assert (log.looked, log.since(), log.whole, log.back(10, soon())) == (37, None, True, [])


def test_what_cannot_be_read_is_named_and_the_rest_read() -> None:
    log = newest({0: (0, 10), 1: (0, 10)}, unreadable=1)
    assert {each.partition for each in log.back(100, soon())} == {0}
    assert (log.unread, log.whole, log.older) == ([f"{TOPIC}-1"], False, [])


def test_time_ends_the_look() -> None:
    log = newest({0: (0, 10)})
    assert log.back(10, time.monotonic() - 1) == [] and not log.whole and log.since() is None


def test_the_look_ends_where_all_of_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SLICE", 50)
    log = newest({0: (0, 1000)})
    found = follow.look(log, follow.by_id("0/990"), soon())
    assert [each.offset for each in found] == [990] and (log.since() or 0) / 1000 <= 990 - 61 and not log.whole
    monkeypatch.setattr(follow, "MOST_LOOKED", 200)
    log = newest({0: (0, 1000)})
    assert follow.look(log, follow.by_id("0/1"), soon()) == [] and log.looked == 200 and log.since() == 800_000
    everything = newest({0: (0, 100)})
    assert len(follow.look(everything, follow.by_request(TRACE), soon())) == 100 and everything.whole


def test_others_are_known_by_source_and_id() -> None:
    theirs = message(source="/theirs")
    known = traced(RECEIPT, theirs, Fate(None)).id or ""
    assert follow.by_id(known)(theirs) and not follow.by_id(ID)(theirs) and follow.by_id(ID)(message())
    assert follow.by_request(TRACE)(theirs) and not follow.by_request("x")(theirs)


def test_a_person_reads_it_line_by_line() -> None:
    event = traced(RECEIPT, message(), Fate(stands(8), REFUSED))
    found = list(lines(Trace([event], 2, None)))
    assert found[0].split() == [RECEIPT, "purchases", "shop.purchase.made.v1", "rejected"]
    assert any("price: must be more than 0" in line for line in found) and found[-1] == "and 2 older"
    since = LookedAt(20_000, "2026-11-28T01:02:03Z", False, [f"{TOPIC}-1"])
    assert looked(since, found=False) == (
        f"not found in the newest 20000 events since 2026-11-28T01:02:03Z; {TOPIC}-1 can't be read"
    )
    assert looked(LookedAt(7, None, True, []), found=True) == "looked through all 7 events of the log"
