"""A batch that nobody can read holds its own partition, visibly, and no longer than its cause lasts."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import CorruptRecordError

from shop_arrivals.draws import Codec, Domain, Draw
from shop_arrivals.ordinary import BEHIND_SECONDS, partition_of, stored_in_time
from shop_arrivals.processes import frozen, watched
from shop_arrivals.rounds import Rounds
from shop_arrivals.segments import ATTRIBUTES, COUNT, RECORDS, batch_at, changed, sealed
from shop_arrivals.shop import consumer_of, sent_now, until
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.group_consumer import TRY_AGAIN_SECONDS, GroupConsumer

DOMAIN = Domain.CAMPAIGNS
ODD_NAME = "x-odd-name"
VISIBLE_SECONDS = 40.0
# Of a core. Two tries cost 0.03, most of it the life of an idle consumer; a partition that is asked for on and on more
# than this even beside other work. How rarely a partition that is held is asked for is a test of its own.
SPINS = 0.25
PENDING_FETCH_SECONDS = 1.0  # twice the longest that the broker holds a fetch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def no_broken_log_is_left(stage: Any) -> Iterator[None]:
    """What is broken here stays in the log: the next module starts on another platform."""
    yield
    stage.clear()


def flip(batch: bytearray) -> None:
    batch[-3] ^= 0x5A


def other_codec(batch: bytearray) -> None:
    (attributes,) = struct.unpack_from(">h", batch, ATTRIBUTES)
    struct.pack_into(">h", batch, ATTRIBUTES, attributes | 7)


def no_gzip(batch: bytearray) -> None:
    batch[RECORDS:] = bytes(reversed(batch[RECORDS:]))


def more_records(batch: bytearray) -> None:
    struct.pack_into(">i", batch, COUNT, 1000)


def long_record(batch: bytearray) -> None:
    """The first record says that it is longer than its batch."""
    batch[RECORDS : RECORDS + 2] = b"\xfe\x7f"


def odd_name(batch: bytearray) -> None:
    """A header's name that is not UTF-8."""
    at = batch.index(ODD_NAME.encode())
    batch[at : at + 2] = b"\xff\xfe"


KINDS: dict[str, tuple[Codec, Callable[[bytearray], None]]] = {
    "wrong checksum": (Codec.GZIP, flip),
    "unknown codec": (Codec.GZIP, sealed(other_codec)),
    "not what its codec says": (Codec.GZIP, sealed(no_gzip)),
    "not what zstd says": (Codec.ZSTD, sealed(no_gzip)),
    "fewer records than it says": (Codec.NONE, sealed(more_records)),
    "a record beyond its end": (Codec.NONE, sealed(long_record)),
    "a name that is not UTF-8": (Codec.NONE, sealed(odd_name)),
}


def test_a_batch_that_cannot_be_read_holds_its_own_partition_until_it_can(rounds: Rounds) -> None:
    platform, consumer = rounds.shop.platform, consumer_of(DOMAIN)
    pid = platform.processes()[consumer].pid
    hit = range(len(KINDS))
    rounds.beside(DOMAIN, ())  # the senders and the consumer are warm
    with ExitStack() as broken:
        with frozen(platform, consumer):
            time.sleep(PENDING_FETCH_SECONDS)  # a fetch that waits at the broker would get the batch whole
            receipts = [broken_one(rounds, partition, broken) for partition in hit]
        behind = rounds.customers.act([(DOMAIN, partition) for partition in hit])
        rounds.beside(DOMAIN, hit)
        rounds.beside(DOMAIN, hit)
        # Longer than two tries of the consumer: what is right up to its end is read on behind it by then.
        told = rounds.shop.await_results(sent_now(behind), 2 * TRY_AGAIN_SECONDS + 2)
        stuck = {partition_of(receipt) for receipt in behind if receipt not in told}
        is_visible(rounds, stuck)
        with watched(platform, [consumer]) as watch:
            time.sleep(2 * TRY_AGAIN_SECONDS)  # what is measured
        is_visible(rounds, stuck)
        assert not watch.above(memory=float("inf"), cpu=SPINS), watch.costs
    healed = stored_in_time(rounds.shop, sent_now(behind), BEHIND_SECONDS)[1]
    assert not healed, [str(late) for late in healed]
    assert set(rounds.shop.await_results(sent_now(receipts), 5)) == set(receipts)
    until(lambda: rounds.shop.health(DOMAIN, "/readyz")[0] == 200, "the consumer is ready again")
    rounds.beside(DOMAIN, ())
    assert platform.processes()[consumer].pid == pid, "nobody had to start it again"


def broken_one(rounds: Rounds, partition: int, broken: ExitStack) -> str:
    """The receipt of a record whose batch is broken from now on."""
    codec, change = list(KINDS.values())[partition]
    record = rounds.record(Draw(DOMAIN, partition, codec=codec))
    receipt = rounds.senders.send_one(record.with_headers((ODD_NAME, b"1")))
    batch = batch_at(rounds.shop.platform.state_dir, DOMAIN, partition, int(receipt.rpartition("-")[2]))
    broken.enter_context(changed(batch, change))
    return receipt


def is_visible(rounds: Rounds, stuck: set[int]) -> None:
    """Not ready, a true lag, a metric, and by its place in the log and in `shopctl status`."""
    assert 0 in stuck, "a wrong checksum can't be passed over"
    until(lambda: rounds.shop.health(DOMAIN, "/readyz")[0] == 503, "readiness is 503", VISIBLE_SECONDS)

    def told_by(metric: str) -> bool:
        samples = rounds.shop.metric(DOMAIN, metric)
        return all(samples.get(partition, 0) >= 1 for partition in stuck)

    until(lambda: told_by("shop_consumer_lag_events"), "the lag is told", VISIBLE_SECONDS)
    until(lambda: told_by("shop_consumer_unreadable_partitions"), "the metric", VISIBLE_SECONDS)
    log, status, positions = rounds.shop.log(DOMAIN), rounds.shop.status(), rounds.shop.positions(DOMAIN)
    assert rounds.shop.status_lag(DOMAIN) >= len(stuck)
    for partition in stuck:
        place = {"topic": DOMAIN.topic, "partition": partition, "offset": positions[partition]}
        levels = [line["level"] for line in log if place.items() <= line.items()]
        # Once; a partition that is given away and comes back in between begins anew.
        assert levels in (["ERROR"], ["ERROR"] * 2), f"{place} in the log: {levels}"
        assert f"{DOMAIN.topic}-{partition} " in status, status


def test_a_person_lets_the_partition_go_past_a_batch_that_stays_unreadable(rounds: Rounds) -> None:
    platform, consumer = rounds.shop.platform, consumer_of(DOMAIN)
    rounds.beside(DOMAIN, ())
    with ExitStack() as broken:
        with frozen(platform, consumer):
            time.sleep(PENDING_FETCH_SECONDS)
            receipt = broken_one(rounds, 1, broken)
        behind = rounds.customers.act([(DOMAIN, 1)])
        rounds.beside(DOMAIN, [1])
        until(lambda: receipt in platform.shopctl("skip").stdout, "what stands still is listed", VISIBLE_SECONDS)
        skipped = platform.shopctl("skip", receipt, "--yes")
        assert skipped.returncode == 0, skipped
        late = stored_in_time(rounds.shop, sent_now(behind), BEHIND_SECONDS)[1]
        assert not late, [str(each) for each in late]
        assert rounds.shop.state(receipt)["state"] == "rejected"
        until(lambda: rounds.shop.health(DOMAIN, "/readyz")[0] == 200, "the consumer is ready again")


def test_a_batch_that_opens_to_a_hundred_megabytes_holds_up_no_other_partition(rounds: Rounds) -> None:
    receipts = [
        rounds.send(Draw(Domain.PURCHASES, 10, codec=Codec.ZSTD), value=b" " * size)
        for size in (40_000_000, 100_000_000)
    ]
    rounds.beside(Domain.PURCHASES, [10])
    told = rounds.shop.await_results(sent_now(receipts), BEHIND_SECONDS)
    assert told[receipts[0]].state == "rejected"
    if receipts[1] not in told:  # too large to be opened at all: then it stands still, and a person decides
        until(lambda: receipts[1] in rounds.shop.platform.shopctl("skip").stdout, "it is listed", VISIBLE_SECONDS)
        assert rounds.shop.platform.shopctl("skip", receipts[1], "--yes").returncode == 0
    rounds.beside_and_behind(Domain.PURCHASES, [10])


def test_old_bytes_do_not_hold_a_partition_that_has_read_on(rounds: Rounds) -> None:
    """One poll may meet a batch as it was fetched when it was broken, and behind it the same batch healed."""
    reader = GroupConsumer(KafkaConnection(rounds.shop.platform.bootstrap), DOMAIN.topic, "arrivals-old-bytes")
    place = TopicPartition(DOMAIN.topic, 11)

    def read() -> set[str]:
        found = {message.receipt for message in reader.poll(0.5)}
        reader.seek(dict.fromkeys(reader.unpositioned & reader.assigned, 0))
        return found

    try:
        first = rounds.send(Draw(DOMAIN, 11))
        until(lambda: first in read(), "the record is read")
        reader._faults.note(place, int(first.rpartition("-")[2]), None, CorruptRecordError("as it was"))
        read()
        second = rounds.send(Draw(DOMAIN, 11))
        until(lambda: second in read(), "the partition is read on")
    finally:
        reader.close()


def test_what_is_held_is_asked_for_now_and_then_and_the_others_all_the_time(rounds: Rounds) -> None:
    reader = GroupConsumer(KafkaConnection(rounds.shop.platform.bootstrap), DOMAIN.topic, "arrivals-now-and-then")
    held, beside = TopicPartition(DOMAIN.topic, 9), TopicPartition(DOMAIN.topic, 10)

    def read() -> set[str]:
        found = {message.receipt for message in reader.poll(0.1)}
        # Behind all that the suite has sent so far.
        ends = reader.bounds(reader.unpositioned & reader.assigned)
        reader.seek({place: end for place, (_, end) in ends.items()})
        return found

    def is_ready() -> bool:
        read()
        return bool(reader.assigned) and not reader.unpositioned

    def is_read(partition: int) -> None:
        receipt = rounds.send(Draw(DOMAIN, partition))
        until(lambda: receipt in read(), f"partition {partition} is read", 2 * TRY_AGAIN_SECONDS)

    try:
        until(is_ready, "the partitions are assigned")
        for place in (held, beside):
            is_read(place.partition)
        for _ in range(2):
            reader._faults.note(held, reader.at(held), None, CorruptRecordError("as it was"))
            read()
            since = time.monotonic()
            assert set(reader.unreadable) == {held}
            is_read(beside.partition)
            assert set(reader.unreadable) == {held}
            is_read(held.partition)
            assert time.monotonic() - since >= TRY_AGAIN_SECONDS / 2
            until(lambda: not read() and not reader.unreadable, "nothing is held")
    finally:
        reader.close()
