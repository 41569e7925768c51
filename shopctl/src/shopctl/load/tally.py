"""What came of the requests: counted while they run, told in words at the end."""

from __future__ import annotations

import math
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST_RECEIPTS = 1000
LATE_SECONDS = 0.1
FAULTS_FROM = 300  # a redirect is followed by nobody


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: its status (none without an answer), seconds from when it was due, and how late it began."""

    status: int | None
    seconds: float
    late: float
    receipt: str | None = None


@dataclass(frozen=True)
class Receipts:
    """What became of purchases: the states of those that were asked for, of all that have a receipt."""

    states: Mapping[str, int]
    given: int
    seconds: float


@dataclass
class Tally:
    """Counts from many threads; of the receipts it keeps a fair sample."""

    chance: random.Random
    due: int = 0
    unsent: int = 0
    late: int = 0
    receipts_given: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_due(self) -> None:
        with self._lock:
            self.due += 1

    def add_unsent(self) -> None:
        with self._lock:
            self.unsent += 1

    def add(self, outcome: Outcome) -> None:
        with self._lock:
            self.statuses[outcome.status] += 1
            self.late += outcome.late > LATE_SECONDS
            if outcome.status is not None:
                self.seconds.append(outcome.seconds)
            if outcome.receipt is not None:
                self._keep(outcome.receipt)

    def _keep(self, receipt: str) -> None:
        """Each receipt has the same chance to be among those that are kept."""
        self.receipts_given += 1
        if len(self.receipts) < MOST_RECEIPTS:
            self.receipts.append(receipt)
        elif (place := self.chance.randrange(self.receipts_given)) < MOST_RECEIPTS:
            self.receipts[place] = receipt

    @property
    def sent(self) -> int:
        return self.statuses.total()

    @property
    def errors(self) -> int:
        """Answers that are a fault, requests without one, and those that could not be sent in time."""
        return self.unsent + sum(n for status, n in self.statuses.items() if status is None or status >= FAULTS_FROM)

    def live(self, second: int, answered_before: int) -> str:
        """The line of one second."""
        with self._lock:
            in_flight = self.due - self.sent - self.unsent
            rate = self.sent - answered_before
            return f"{second:>4} s  {rate:>5}/s answered  {in_flight:>5} in flight  {self.errors:>5} errors"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the others does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(tally: Tally, seconds: float, receipts: Receipts | None) -> list[str]:
    """The lines at the end."""
    lines = [
        f"sent      {tally.sent:,} of {tally.due:,} in {seconds:.1f} s ({tally.sent / max(seconds, 0.001):,.1f}/s)"
    ]
    known = sorted((status, n) for status, n in tally.statuses.items() if status is not None)
    told = [f"{status}: {n:,}" for status, n in known]
    told += [f"no answer: {n:,}"] if (n := tally.statuses[None]) else []
    lines.append("statuses  " + ("  ".join(told) or "none"))
    if tally.seconds:
        ordered = sorted(tally.seconds)
        shares = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)]
        figures = "  ".join(f"{name} {percentile(ordered, share) * 1000:,.1f}" for name, share in shares)
        lines.append(f"latency   {figures} ms, from the moment that each request was due")
    if tally.late or tally.unsent:
        lines.append(
            f"late      {tally.late:,} began over {LATE_SECONDS * 1000:.0f} ms late, {tally.unsent:,} were given up: "
            "all connections were busy"
        )
    return lines + ([] if receipts is None else [_told(receipts)])


def _told(receipts: Receipts) -> str:
    asked = sum(receipts.states.values())
    states = {"stored": 0, "rejected": 0, "accepted": 0} | dict(receipts.states)
    told = "  ".join(f"{'still ' if state == 'accepted' else ''}{state} {n:,}" for state, n in states.items())
    of = f"{asked:,} drawn from {receipts.given:,}" if asked < receipts.given else f"all {asked:,}"
    return f"receipts  {told}  (of {of}, after {receipts.seconds:.1f} s)"
