"""Offsets that compaction took away count as read."""

from __future__ import annotations

import pytest

from shop_arrivals.draws import Codec, Domain, Draw, Key, State
from shop_arrivals.lag import behind
from shop_arrivals.processes import frozen
from shop_arrivals.rounds import Rounds
from shop_arrivals.shop import consumer_of, sent_now, until
from shop_arrivals.topic import read_topic
from shop_arrivals.topics import configured

COMPACT = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "0",
}
AFTER = dict.fromkeys(COMPACT)
PARTITION = 8
COMPACTED_SECONDS = 90.0  # the cleaner looks every 15 s

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_behind_compacted_records_everything_settles_and_is_stored(rounds: Rounds) -> None:
    platform, domain = rounds.shop.platform, Domain.PURCHASES
    users: dict[str, str] = {}

    def send(draw: Draw) -> str:
        record = rounds.record(draw)
        receipt = rounds.senders.send_one(record)
        users[receipt] = record.marker
        return receipt

    with configured(platform.bootstrap, domain.topic, COMPACT, AFTER | {"cleanup.policy": "delete"}):
        with frozen(platform, consumer_of(domain)):
            draw = Draw(domain, PARTITION, key=Key.OTHER)
            states = (State.NONE, State.COMMITTED, State.ABORTED)
            sent = [send(Draw(domain, PARTITION, codec=Codec.LZ4, state=state, key=Key.OTHER)) for state in states]
            sent += [send(draw) for _ in range(3)]
            send(Draw(domain, PARTITION))  # of a key of its own: it stays, with the gap before it

            def compacted() -> bool:
                send(draw)  # a new record closes the segment before it
                with read_topic(platform.bootstrap, domain.topic) as records:
                    return not {record.receipt for record in records} & set(sent)

            until(compacted, "the first records are compacted away", COMPACTED_SECONDS)
        rounds.beside_and_behind(domain, [PARTITION])
        with read_topic(platform.bootstrap, domain.topic) as records:
            left = {users[record.receipt] for record in records if record.receipt in users}
    stored = set(platform.db[domain.value].distinct("userid", {"userid": {"$in": list(left)}}))
    assert left and stored == left, "what compaction left was read, and not passed over"
    assert {told.state for told in rounds.shop.await_results(sent_now(sent), 10).values()} == {"stored"}
    assert len(rounds.shop.await_results(sent_now(sent), 10)) == len(sent)
    until(lambda: not behind(rounds), f"the lag is 0 ({behind(rounds)})", 60)
