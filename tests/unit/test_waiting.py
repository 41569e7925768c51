"""Places to wait: never more than there are, and nobody holds more than is left for others."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from cm_server.query_proxy.waiting import Waiting
from shop_runtime.addresses import network_of


def given_to(waiting: Waiting, stack: ExitStack, who: str, asks: int) -> int:
    return sum(stack.enter_context(waiting.place(who)) for _ in range(asks))


@pytest.mark.parametrize(("places", "first"), [(1, 1), (2, 1), (8, 4), (9, 5), (16, 8)])
def test_one_caller_gets_half_and_the_next_finds_a_place(places: int, first: int) -> None:
    waiting = Waiting(places)
    with ExitStack() as stack:
        assert given_to(waiting, stack, "a", 500) == first
        found = [given_to(waiting, stack, f"caller {number}", 500) for number in range(20)]
        assert first + sum(found) <= places
        assert places == 1 or found[0] >= 1
    with ExitStack() as stack:
        assert given_to(waiting, stack, "b", 500) == first, "what was held is given back"


def test_a_place_is_given_back_whatever_happens() -> None:
    waiting = Waiting(2)
    for _ in range(5):
        with pytest.raises(KeyError), waiting.place("a") as given:
            assert given
            raise KeyError


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "-"),
        ("unix", "unix"),
    ],
)
def test_one_network_is_one_caller(address: str, network: str) -> None:
    assert network_of(address) == network
