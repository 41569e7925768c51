"""One line a step, with the seconds it took; for work of minutes, beforehand how long it takes and where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"{what} … failed after {time.monotonic() - started:.1f} s", flush=True)
        raise
    print(f"{what} … {time.monotonic() - started:.1f} s", flush=True)


class Forecast:
    """How long the parts of a work take, by the minutes that each took where they were measured.

    Once enough of it is done, what is left is told at the pace that this machine has shown."""

    # So much of the plan must be behind before its pace says something.
    TELLING = 2.0

    def __init__(self, minutes: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._minutes = minutes
        self._clock = clock
        self._started = clock()
        self._begun: list[str] = []

    def whole(self) -> str:
        return _minutes(sum(self._minutes.values()))

    def begin(self, name: str) -> str:
        """Where the work stands as this part begins."""
        done = sum(self._minutes[each] for each in self._begun)
        ahead = sum(self._minutes.values()) - done
        spent = (self._clock() - self._started) / 60
        pace = spent / done if done >= self.TELLING else 1.0
        self._begun.append(name)
        return f"{len(self._begun)} of {len(self._minutes)}, {_minutes(ahead * pace)} to go"


def _minutes(number: float) -> str:
    whole = max(1, round(number))
    return "about a minute" if whole == 1 else f"about {whole} minutes"
