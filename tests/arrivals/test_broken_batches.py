"""A batch that nobody can read holds its own partition, visibly, and no longer than its cause lasts."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from shop_arrivals.draws import Codec, Domain, Draw
from shop_arrivals.ordinary import BEHIND_SECONDS, stored_in_time
from shop_arrivals.processes import frozen, watched
from shop_arrivals.rounds import Rounds
from shop_arrivals.segments import ATTRIBUTES, COUNT, RECORDS, batch_at, changed, sealed
from shop_arrivals.shop import consumer_of, sent_now, until

DOMAIN = Domain.CAMPAIGNS
ODD_NAME = "x-odd-name"
VISIBLE_SECONDS = 40.0
PENDING_FETCH_SECONDS = 1.0  # twice the longest that the broker holds a fetch

pytestmark = pytest.mark.slow


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
        told = rounds.shop.settle(sent_now(receipts), 5)
        stuck = [receipt for receipt in receipts if receipt not in told]
        is_visible(rounds, stuck)
        with watched(platform, [consumer]) as watch:
            time.sleep(8)  # what is measured
        assert not watch.above(memory=120, cpu=0.05), watch.costs
    healed = stored_in_time(rounds.shop, sent_now(behind), BEHIND_SECONDS)[1]
    assert not healed, [str(late) for late in healed]
    assert set(rounds.shop.settle(sent_now(receipts), 5)) == set(receipts)
    until(lambda: rounds.shop.health(DOMAIN, "/readyz")[0] == 200, "the consumer is ready again")
    assert platform.processes()[consumer].pid == pid, "nobody had to start it again"


def broken_one(rounds: Rounds, partition: int, broken: ExitStack) -> str:
    """The receipt of a record whose batch is broken from now on."""
    codec, change = list(KINDS.values())[partition]
    record = rounds.record(Draw(DOMAIN, partition, codec=codec))
    receipt = rounds.senders.send_one(record.with_headers((ODD_NAME, b"1")))
    batch = batch_at(rounds.shop.platform.state_dir, DOMAIN, partition, int(receipt.rpartition("-")[2]))
    broken.enter_context(changed(batch, change))
    return receipt


def is_visible(rounds: Rounds, stuck: list[str]) -> None:
    """Not ready, a true lag, and in the log where it stands."""
    assert stuck, "a wrong checksum can't be passed over"
    until(lambda: rounds.shop.health(DOMAIN, "/readyz")[0] == 503, "readiness is 503", VISIBLE_SECONDS)
    for receipt in stuck:
        topic, partition, offset = receipt.rsplit("-", 2)

        def lags(partition: int = int(partition)) -> bool:
            return rounds.shop.metric(DOMAIN, "shop_consumer_lag_events").get(partition, 0) >= 1

        until(lags, f"the lag of {receipt} is told", VISIBLE_SECONDS)
        place = {"topic": topic, "partition": int(partition), "offset": int(offset)}
        lines = [line for line in rounds.shop.log(DOMAIN) if place.items() <= line.items()]
        assert lines, f"no log event names {place}"
    status = rounds.shop.platform.shopctl("status").stdout
    assert all(receipt in status or lag_in(status) >= len(stuck) for receipt in stuck), status


def lag_in(status: str) -> int:
    (line,) = [line for line in status.splitlines() if line.startswith(f"cm-api-{DOMAIN} ")]
    return int(line.split()[4])
