"""What the log of analytics says each hour and day has to have counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cm_api.audit import Audit
from cm_api.domains.analytics.buckets import LENGTH, Bucket, Step
from cm_api.domains.analytics.store import AnalyticsStore
from cm_api.domains.analytics.working_set import Counted
from cm_api.notebook import Fields, Notebook
from cm_api.settings import ConsumerSettings
from shop_core.events.analytics import InteractionRecorded
from shop_core.events.envelope import Event

VISITOR = "visitor"
STEPS: tuple[Step, ...] = tuple(LENGTH)


def fold(book: Notebook, event: Event) -> None:
    """Whoever is known in an hour is known in its day, also after an erasure."""
    data: InteractionRecorded = event.data
    new = True
    for step in STEPS:
        bucket = Bucket.of(step, data.timestamp)
        visitor = f"{bucket.id}/{data.user}"
        new = new and book.thing(VISITOR, visitor) is None
        if new:
            book.put(VISITOR, visitor, {}, owner=data.user, partition=event.place[0])
        had = book.thing(step, bucket.id) or _fields(Counted())
        book.put(step, bucket.id, _fields(_added(had, data.kind, new)))


def _added(had: Fields, kind: str, new: bool) -> Counted:
    users, clicks, impressions = (int(had[name] or 0) for name in ("users", "clicks", "impressions"))
    return Counted(users + new, clicks + (kind == "click"), impressions + (kind == "impression"))


def shown(store: AnalyticsStore, kind: str, ids: Sequence[str]) -> dict[str, Fields]:
    buckets = [Bucket("hour" if kind == "hour" else "day", int(id.rpartition("-")[2])) for id in ids]
    return {bucket.id: _fields(counted) for bucket, counted in store.counted(buckets).items()}


def every(store: AnalyticsStore, kind: str) -> Iterator[str]:
    return (bucket.id for bucket in store.every("hour" if kind == "hour" else "day"))


def remembers(event: Event) -> bool:
    """Of the others the position alone sees to it that each is counted once."""
    return event.may_repeat


def kept_days(settings: ConsumerSettings) -> int:
    return settings.visitor_days


def _fields(counted: Counted) -> Fields:
    return {"users": counted.users, "clicks": counted.clicks, "impressions": counted.impressions}


AUDIT: Audit[AnalyticsStore] = Audit(
    store=AnalyticsStore, fold=fold, kinds=STEPS, shown=shown, every=every, remembers=remembers, kept_days=kept_days,
    adds_up=True,
)  # fmt: skip
