"""Find what is at fault in a batch by halves, so that only that is set aside and the rest is applied in order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def isolate(
    items: Sequence[T],
    apply: Callable[[Sequence[T]], None],
    set_aside: Callable[[T, Exception], None],
    leave: tuple[type[Exception], ...],
) -> None:
    """Apply `items` in their order, those apart that can't be. What `apply` raises of the kinds in `leave` is raised
    on, with everything before it applied; anything else is a fault of one of the items."""
    try:
        apply(items)
    except leave:
        raise
    except Exception as error:
        half = len(items) // 2
        if half:
            isolate(items[:half], apply, set_aside, leave)
            isolate(items[half:], apply, set_aside, leave)
        else:
            set_aside(items[0], error)
