"""No state of the dead-letter topic holds up a domain: its letters wait, one by one, and arrive when they can."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

import pytest

from shop_arrivals.acks import receipts_of
from shop_arrivals.draws import Client, Domain, Draw, Key
from shop_arrivals.rounds import Rounds
from shop_arrivals.shop import sent_now, until
from shop_arrivals.topic import Topic, source_of
from shop_arrivals.topics import configured, missing

LETTER_SECONDS = 90.0
DLQ = "shop.catalog.dlq"
PARTITION = 6
OURS = {"max.message.bytes": str(2 * 1024 * 1024), "retention.ms": "-1"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def is_missing(bootstrap: str) -> AbstractContextManager[None]:
    return missing(bootstrap, DLQ, OURS)


def takes_no_record_of_the_past(bootstrap: str) -> AbstractContextManager[None]:
    """Every record is one when it comes to the broker."""
    name = "message.timestamp.before.max.ms"
    return configured(bootstrap, DLQ, {name: "0"}, {name: None})


def takes_no_record_without_a_key(bootstrap: str) -> AbstractContextManager[None]:
    return configured(bootstrap, DLQ, {"cleanup.policy": "compact"}, {"cleanup.policy": "delete"})


def takes_nothing(bootstrap: str) -> AbstractContextManager[None]:
    return configured(bootstrap, DLQ, {"max.message.bytes": "100"}, OURS)


STATES = (is_missing, takes_nothing, takes_no_record_of_the_past, takes_no_record_without_a_key)


@pytest.mark.parametrize("state", STATES)
def test_a_dead_letter_topic_that_takes_nothing_holds_up_nothing_but_letters(rounds: Rounds, state: Any) -> None:
    bootstrap = rounds.shop.platform.bootstrap
    with state(bootstrap):
        keyed, keyless = (
            [rounds.send(Draw(Domain.CATALOG, PARTITION, client, key=key, value="half")) for client in Client]
            for key in (Key.RIGHT, Key.NULL)
        )
        receipts = keyed + keyless
        # Round after round: the letters are tried again and again beside it.
        for _ in range(3):
            rounds.beside_and_behind(Domain.CATALOG, [PARTITION])
        told = rounds.shop.await_results(sent_now(receipts), 30)
        until(lambda: waiting(rounds) >= 1, "the letters that wait are counted", 40)
        assert {each.state for each in told.values()} == {"rejected"} and len(told) == len(receipts)
        if state is takes_no_record_without_a_key:
            until(lambda: set(keyed) <= letters(rounds).keys(), "letters pass those that wait", LETTER_SECONDS)
    until(lambda: set(receipts) <= letters(rounds).keys(), "the letters that waited", LETTER_SECONDS)
    # Once, and perhaps again where the partition changed hands meanwhile; not with every try of those beside it.
    assert all(letters(rounds)[receipt] <= 2 for receipt in receipts)


def test_many_refused_records_at_once_hold_up_nothing(rounds: Rounds) -> None:
    many = [
        rounds.record(Draw(Domain.CATALOG, PARTITION, client, value="half")) for _ in range(1500) for client in Client
    ]
    rounds.senders.send(many)
    rounds.beside_and_behind(Domain.CATALOG, [PARTITION])
    receipts = set(receipts_of(rounds.senders.acks, many))
    assert len(receipts) == len(many)
    until(lambda: receipts <= letters(rounds).keys(), "every letter", LETTER_SECONDS)


def test_a_letter_that_is_too_large_waits_alone_or_is_cut(rounds: Rounds) -> None:
    bootstrap = rounds.shop.platform.bootstrap
    with configured(bootstrap, DLQ, {"max.message.bytes": "20000"}, OURS):
        large = [
            rounds.send(Draw(Domain.CATALOG, PARTITION), value=b"{" + b" " * size) for size in (19_990, 30_000, 900_000)
        ]
        small = [rounds.send(Draw(Domain.CATALOG, partition, value="half")) for partition in (PARTITION, 1)]
        rounds.beside_and_behind(Domain.CATALOG, [PARTITION])
        until(lambda: set(small) <= letters(rounds).keys(), "small letters pass the large ones", LETTER_SECONDS)
    until(lambda: set(large) <= letters(rounds).keys(), "the large letters", LETTER_SECONDS)


def waiting(rounds: Rounds) -> float:
    """How many letters the consumer says that it could not deliver yet."""
    return rounds.shop.metric(Domain.CATALOG, "shop_consumer_dead_letters_waiting").get(-1, 0)


def letters(rounds: Rounds) -> Counter[str]:
    """How many letters each record has, by its receipt."""
    topic = Topic(rounds.shop.platform.bootstrap, DLQ)
    try:
        return Counter(source_of(letter) for letter in topic.read())
    finally:
        topic.close()
