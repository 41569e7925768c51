"""How far a check is: a bar where somebody watches, a line now and then where it is written down."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

WIDTH = 30
IN_TERMINAL, IN_FILE = 0.2, 5.0  # seconds between two


@dataclass
class Progress:
    """On stderr. `total` is what there is to do in one step."""

    name: str
    begun: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)
    step: str = ""
    done: int = 0
    total: int = 0

    def begin(self, step: str, total: int) -> None:
        self.step, self.total, self.done = step, total, 0
        self.begun = time.monotonic()

    def add(self, number: int) -> None:
        self.done += number
        if time.monotonic() - self.said >= (IN_TERMINAL if sys.stderr.isatty() else IN_FILE):
            self.say()

    def say(self) -> None:
        self.said = time.monotonic()
        start, end = ("\r", "\x1b[K") if sys.stderr.isatty() else ("", "\n")
        sys.stderr.write(f"{start}{self.name}: {line(self.step, self.done, self.total, self.said - self.begun)}{end}")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave nothing of a bar."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def line(step: str, done: int, total: int, seconds: float) -> str:
    """The step, its bar, and how long it goes on at this rate."""
    share = min(1.0, done / total) if total else 1.0
    bar = "#" * round(share * WIDTH)
    rate = done / max(seconds, 0.001)
    left = f", {max(0, total - done) / rate:,.0f} s left" if done and total > done else ""
    return f"{step} [{bar:<{WIDTH}}] {100 * share:3.0f} %  {done:,} of {total:,}, {rate:,.0f}/s{left}"
