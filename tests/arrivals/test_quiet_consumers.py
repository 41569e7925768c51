"""What a consumer costs while the broker stands still, and while there is nothing to do."""

from __future__ import annotations

import time

import pytest

from shop_arrivals.draws import Domain
from shop_arrivals.ordinary import BEHIND_SECONDS, stored_in_time
from shop_arrivals.processes import frozen, watched
from shop_arrivals.rounds import EVERY, Rounds
from shop_arrivals.shop import consumer_of

FROZEN_SECONDS = 12.0
MEMORY_MIB = 120.0
CPU = 0.05
CONSUMERS = [consumer_of(domain) for domain in Domain]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_frozen_broker_costs_no_memory_and_no_processor(new_rounds: Rounds) -> None:
    platform = new_rounds.shop.platform
    for _ in range(2):
        with watched(platform, CONSUMERS) as watch, frozen(platform, "kafka"):
            time.sleep(FROZEN_SECONDS)  # what is measured
        assert not watch.above(memory=MEMORY_MIB, cpu=CPU), watch.costs
        with watched(platform, CONSUMERS) as after:
            late = stored_in_time(new_rounds.shop, new_rounds.customers.act(EVERY), BEHIND_SECONDS)[1]
        assert not late, [str(each) for each in late]
        assert not after.above(memory=MEMORY_MIB, cpu=1.0), after.costs


def test_an_idle_consumer_costs_next_to_nothing(rounds: Rounds) -> None:
    with watched(rounds.shop.platform, CONSUMERS) as watch:
        time.sleep(FROZEN_SECONDS)  # what is measured
    assert not watch.above(memory=float("inf"), cpu=CPU), watch.costs
