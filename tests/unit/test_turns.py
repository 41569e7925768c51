"""So many work at once, each network in its turn; who only waits gives its turn away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shop_core.http.worker.thread_slots import ThreadSlots


@dataclass(frozen=True)
class Asked:
    """As much of a connection as matters here."""

    number: int
    network: str = "a"


def turns(most: int) -> tuple[ThreadSlots, list[Any]]:
    started: list[Any] = []
    return ThreadSlots(most, lambda conn: started.append(conn.number)), started  # type: ignore[attr-defined]


def take(made: ThreadSlots, number: int, network: str = "a") -> None:
    made.take(Asked(number, network))  # type: ignore[arg-type]


def test_the_first_come_work_and_each_that_ends_lets_the_next_in() -> None:
    made, started = turns(2)
    for number in range(5):
        take(made, number)
    assert started == [0, 1]
    made.done()
    assert started == [0, 1, 2]
    made.done()
    made.done()
    assert started == [0, 1, 2, 3, 4]


def test_who_steps_aside_makes_room_and_comes_back_without_a_queue() -> None:
    made, started = turns(1)
    for number in range(3):
        take(made, number)
    made.done()  # 0 steps aside
    assert started == [0, 1]
    made.back()  # and works again, beside 1
    made.done()
    assert started == [0, 1], "of two that work, one has ended: there is no room yet"
    made.done()
    assert started == [0, 1, 2]


def test_a_network_that_asks_for_much_keeps_no_other_waiting() -> None:
    made, started = turns(1)
    for number in range(100):
        take(made, number)
    take(made, 200, "b")
    take(made, 300, "c")
    take(made, 201, "b")
    for _ in range(6):
        made.done()
    assert started == [0, 1, 200, 300, 2, 201, 3]
