"""Numbers within bounds, as argparse reads them: `type=number(0.1, 500, "requests a second")`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def number(low: float, high: float, what: str = "") -> Callable[[str], float]:
    """From `low` to `high`; a refusal names both, and `what` is counted."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: give {low:g} to {high:g} {what}".rstrip())
        return found

    return read


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """The same for whole numbers."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: give {low} to {high} {what}")
        return int(text)

    return read
