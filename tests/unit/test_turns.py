"""So many work at once, in the order in which they came; who only waits gives its turn away."""

from __future__ import annotations

from typing import Any

from shop_core.intake.turns import Turns


def turns(most: int) -> tuple[Turns, list[Any]]:
    started: list[Any] = []
    return Turns(most, started.append), started


def test_the_first_come_work_and_each_that_ends_lets_the_next_in() -> None:
    made, started = turns(2)
    for number in range(5):
        made.take(number)  # type: ignore[arg-type]  # what is started does not matter here
    assert started == [0, 1]
    made.done()
    assert started == [0, 1, 2]
    made.done()
    made.done()
    assert started == [0, 1, 2, 3, 4]


def test_who_steps_aside_makes_room_and_comes_back_without_a_queue() -> None:
    made, started = turns(1)
    for number in range(3):
        made.take(number)  # type: ignore[arg-type]
    made.done()  # 0 steps aside
    assert started == [0, 1]
    made.back()  # and works again, beside 1
    made.done()
    assert started == [0, 1], "of two that work, one has ended: there is no room yet"
    made.done()
    assert started == [0, 1, 2]
