"""The faults of one machine, by their numbers in the fault record: what is done to a platform under load.

Each is a number of blows with pauses between, so that the platform is hit while it still recovers from the last.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Blow = Callable[[Any, int], None]
"""What is done to a platform (tests/conftest.py) for the n-th time; returns when the fault itself is over."""
UP_SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """`blow` comes `times`, `pause` seconds apart; `words` start the platform."""

    id: str
    what: str
    blow: Blow
    times: int
    pause: float
    words: Sequence[str] = ()

    @property
    def done(self) -> str:
        return self.what.format(times=self.times)

    def strike(self, platform: Any) -> float:
        """All blows; the moment at which the last one was over."""
        for number in range(self.times):
            time.sleep(self.pause)
            self.blow(platform, number)
        return time.monotonic()


def kill(*names: str) -> Blow:
    """One of them in turn; what the supervisor is still starting is waited for."""

    def blow(platform: Any, number: int) -> None:
        name = names[number % len(names)]
        deadline = time.monotonic() + UP_SECONDS
        while not platform.running(name):
            assert time.monotonic() < deadline, f"{name} does not come back"
            time.sleep(0.1)
        platform.signal(name, signal.SIGKILL)

    return blow


def freeze(name: str, seconds: float) -> Blow:
    """SIGSTOP, and SIGCONT `seconds` later."""

    def blow(platform: Any, number: int) -> None:
        pid = platform.signal(name, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    return blow


def kill_workers(name: str) -> Blow:
    """Every process that gunicorn has forked for requests."""

    def blow(platform: Any, number: int) -> None:
        master = platform.processes()[name].pid
        for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)

    return blow


CONSUMERS = tuple(f"{domain}-consumer-1" for domain in ("purchases", "catalog", "analytics", "campaigns"))
CASES = (
    Case(
        "F1-consumers",
        "each domain's consumer killed (SIGKILL) in turn, {times} kills in all",
        kill(*CONSUMERS),
        12,
        2.0,
    ),
    Case("F3-broker", "the broker killed {times} times, started again at once", kill("kafka"), 3, 10.0),
    Case("F4-database", "the database killed {times} times", kill("database"), 3, 8.0),
    Case("F5-database", "the database frozen (SIGSTOP) for 90 s", freeze("database", 90.0), 1, 10.0),
    Case("F14-workers", "all HTTP workers of cm-server killed {times} times", kill_workers("cm-server"), 5, 5.0),
    Case("F18-broker", "the broker frozen (SIGSTOP) {times} times for 20 s", freeze("kafka", 20.0), 2, 10.0),
    Case("F25-cm-api", "cm-api killed {times} times", kill("cm-api"), 3, 8.0),
)
