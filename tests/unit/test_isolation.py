"""What is at fault in a batch is set aside alone; the rest is applied once, in order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm_api.pipeline.isolation import isolate
from shop_core.errors import Unavailable


class Applied:
    """Applies numbers all or none, as a transaction does; `bad` ones make it fail, `away` is an outage."""

    def __init__(self, bad: set[int], away: int | None = None) -> None:
        self.bad, self.away = bad, away
        self.done: list[int] = []
        self.aside: list[int] = []
        self.calls = 0

    def apply(self, items: Sequence[int]) -> None:
        self.calls += 1
        if self.away in items:
            raise Unavailable("the database is away")
        if self.bad & set(items):
            raise ValueError("one of them")
        self.done += items

    def set_aside(self, item: int, error: Exception) -> None:
        assert isinstance(error, ValueError)
        self.aside.append(item)


@given(count=st.integers(1, 200), data=st.data())
def test_each_is_applied_or_set_aside_once_and_in_order(count: int, data: st.DataObject) -> None:
    items = list(range(count))
    bad = data.draw(st.sets(st.sampled_from(items), max_size=5))
    found = Applied(bad)
    isolate(items, found.apply, found.set_aside, (Unavailable,))
    assert found.done == [item for item in items if item not in bad]
    assert found.aside == sorted(bad)
    assert found.calls <= 1 + len(bad) * 2 * (count.bit_length() + 1)


def test_an_outage_is_left_to_the_caller_with_what_came_before_it_applied() -> None:
    found = Applied({2}, away=6)
    with pytest.raises(Unavailable):
        isolate(list(range(8)), found.apply, found.set_aside, (Unavailable,))
    # The whole batch and both halves met the outage or the fault; nothing behind the outage was applied.
    assert (found.done, found.aside) == ([], [])
    found.away = None
    isolate(list(range(8)), found.apply, found.set_aside, (Unavailable,))
    assert (found.done, found.aside) == ([0, 1, 3, 4, 5, 6, 7], [2])
