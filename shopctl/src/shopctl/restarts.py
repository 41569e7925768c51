"""When a process that died is started again: soon, then ever later, and soon again after a healthy while."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Backoff:
    """Delays in seconds: `first`, doubled at each death in a row up to `ceiling`."""

    first: float = 0.5
    ceiling: float = 30.0
    healthy_after: float = 60.0
    deaths: int = 0

    def delay_after(self, lived: float) -> float:
        """Seconds to wait before the next start of a process that has `lived` this long."""
        if lived >= self.healthy_after:
            self.deaths = 0
        # The exponent is bounded so that a process that dies for days does not make a huge number.
        delay = min(self.ceiling, self.first * (1 << min(self.deaths, 16)))
        self.deaths += 1
        return delay
