"""A batch of interactions, added up before it touches the database. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cm_api.domains.analytics.buckets import Bucket, Step
from shop_core.events.analytics import InteractionRecorded

# Visitors expire by the database's clock, batches are applied by the consumer's: a day lies between the last event that
# a bucket takes and the first visitor that it may have forgotten.
CLOSED_BEFORE = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """What a bucket came to."""

    users: int = 0
    clicks: int = 0
    impressions: int = 0

    def plus(self, other: Counted) -> Counted:
        return Counted(
            self.users + other.users, self.clicks + other.clicks, self.impressions + other.impressions
        )  # fmt: skip


@dataclass(frozen=True)
class Visitor:
    """One user in one bucket."""

    bucket: Bucket
    user: str

    @property
    def id(self) -> str:
        return f"{self.bucket.id}/{self.user}"


@dataclass
class Increment:
    """What one batch adds to one bucket, and who is new in it."""

    clicks: int = 0
    impressions: int = 0
    new: set[str] = field(default_factory=set)

    @property
    def counted(self) -> Counted:
        return Counted(len(self.new), self.clicks, self.impressions)


def add_up(step: Step, interactions: Iterable[InteractionRecorded]) -> dict[Bucket, Increment]:
    """What `interactions` add to each hour or day; everybody in them counts as new yet."""
    found: dict[Bucket, Increment] = {}
    for each in interactions:
        increment = found.setdefault(Bucket.of(step, each.timestamp), Increment())
        if each.kind == "click":
            increment.clicks += 1
        else:
            increment.impressions += 1
        increment.new.add(each.user)
    return found


def visitors(increments: Mapping[Bucket, Increment]) -> list[Visitor]:
    return [Visitor(bucket, user) for bucket, increment in increments.items() for user in sorted(increment.new)]


def forget(increments: Mapping[Bucket, Increment], known: Iterable[Visitor]) -> None:
    """Those who were in their bucket before are not new in it."""
    for visitor in known:
        increments[visitor.bucket].new.discard(visitor.user)


def expiry(bucket: Bucket, now: datetime, kept: timedelta) -> datetime:
    """Until when visitors that come `now` are remembered: from the bucket's end on, or from now if that is later."""
    return max(bucket.end, now) + kept


def may_be_closed(bucket: Bucket, now: datetime, kept: timedelta) -> bool:
    """Whether the bucket is so old that the database has to be asked; the others can't be closed."""
    return now >= bucket.end + kept - CLOSED_BEFORE
