"""What hours and days came to, from memory: at most half a second behind the read model.

A bucket stays in memory until a batch writes to it, so the past is read once and again only when a late event re-opens
it. Batches stamp what they write by their consumer's clock before they commit; looking back further than any clock or
transaction goes astray finds them all.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cm_api.domains.analytics.buckets import Bucket
from cm_api.domains.analytics.working_set import Counted
from shop_core.mongo.positions import Offsets, covers
from shop_core.telemetry import metrics

MAX_AGE = 0.5
LOOK_BACK = timedelta(minutes=2)
MOST_KEPT = 10_000


class CountsStore(Protocol):
    """What memory is filled from: `cm_api.domains.analytics.store.AnalyticsStore`."""

    def changed(self, since: datetime) -> set[Bucket]: ...

    def counted(self, buckets: Iterable[Bucket]) -> dict[Bucket, Counted]: ...


class CountsCache:
    """One replica's counts. `offsets` asks how far the read model is; both clocks can be given by a test."""

    def __init__(
        self,
        store: CountsStore,
        offsets: Callable[[], Offsets],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._offsets = offsets
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._counted: OrderedDict[Bucket, Counted] = OrderedDict()
        self._looked: float | None = None
        self._as_of = now()
        self._at: Offsets = {}

    def get(self, buckets: Sequence[Bucket], needed: Offsets) -> tuple[list[Counted], Offsets]:
        """What each of `buckets` came to, and below which offsets all is in it; `needed` among them."""
        with self._lock:
            self._look(needed)
            missing = [bucket for bucket in buckets if bucket not in self._counted]
            metrics.CACHE.labels("hours", "miss" if missing else "hit").inc()
            if missing:
                self._load(missing)
            for bucket in buckets:
                self._counted.move_to_end(bucket)
            found = [self._counted[bucket] for bucket in buckets]
            while len(self._counted) > MOST_KEPT:
                self._counted.popitem(last=False)
            return found, self._at

    def _look(self, needed: Offsets) -> None:
        """Read again what changed since the last look, unless that was just now."""
        at = self._monotonic()
        if self._looked is not None and at - self._looked < MAX_AGE and covers(self._at, needed):
            return
        now, offsets = self._now(), dict(self._offsets())  # before the read: never newer than what is read
        changed = self._store.changed(self._as_of - LOOK_BACK) & self._counted.keys()
        if changed:
            self._load(changed)
        self._looked, self._as_of, self._at = at, now, offsets

    def _load(self, buckets: Iterable[Bucket]) -> None:
        wanted = list(buckets)
        found = self._store.counted(wanted)
        self._counted.update({bucket: found.get(bucket, Counted()) for bucket in wanted})
