"""Hours and days as numbers since 1970 in UTC, which knows no summer time: every hour has 3,600,000 ms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shop_core.events.analytics import to_milliseconds, to_moment

Step = Literal["hour", "day"]
LENGTH: dict[Step, int] = {"hour": 3_600_000, "day": 86_400_000}


@dataclass(frozen=True, order=True)
class Bucket:
    """One hour or day: `number` counts them since 1970."""

    step: Step
    number: int

    @classmethod
    def of(cls, step: Step, milliseconds: int) -> Bucket:
        """The bucket that a moment is in: its first millisecond belongs to it, the next one's first does not."""
        return cls(step, milliseconds // LENGTH[step])

    @classmethod
    def at(cls, step: Step, moment: datetime) -> Bucket:
        return cls.of(step, to_milliseconds(moment))

    @property
    def start(self) -> datetime:
        return to_moment(self.number * LENGTH[self.step])

    @property
    def end(self) -> datetime:
        return to_moment((self.number + 1) * LENGTH[self.step])

    @property
    def id(self) -> str:
        return f"{self.step}-{self.number}"
