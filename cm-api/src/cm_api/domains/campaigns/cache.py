"""What is live at this second, from memory.

A snapshot holds everything that is live now or will be before its horizon, so each start and end until then falls at
its own moment without asking the database. It is taken anew when the read model has moved on (heard of by following
`shop.campaigns`), when a caller's receipt asks for more than it covers, and when it is old.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cm_api.domains.campaigns.store import Kind
from shop_core.events.campaigns import DOMAIN
from shop_core.mongo.client import Document
from shop_core.mongo.positions import Offsets, covers
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
KINDS: tuple[Kind, ...] = ("campaigns", "campaign_events")
RENEW_AFTER = timedelta(seconds=30)
HORIZON = timedelta(seconds=90)
FIRST = datetime.min.replace(tzinfo=UTC)


class LiveStore(Protocol):
    """What a snapshot is taken from: `cm_api.domains.campaigns.store.CampaignStore`."""

    def window(self, kind: Kind, start: datetime, end: datetime) -> list[Document]: ...

    def next_start(self, kind: Kind, start: datetime) -> datetime | None: ...


@dataclass(frozen=True)
class Live:
    """What is live, in the order of its start, and the next moment at which that changes (None: not planned); every
    event below `offsets` is in it."""

    items: tuple[Document, ...]
    changes: datetime | None
    offsets: Offsets


@dataclass(frozen=True)
class Snapshot:
    """What is or becomes live from `taken` until `horizon`; `offsets` is how far the read model was before."""

    taken: datetime
    horizon: datetime
    offsets: Offsets
    window: Mapping[Kind, list[Document]]
    beyond: Mapping[Kind, datetime | None]

    def covers(self, ends: Offsets) -> bool:
        return covers(self.offsets, ends)

    def at(self, kind: Kind, now: datetime) -> Live:
        docs = self.window[kind]
        items = sorted(
            (doc for doc in docs if doc["startDate"] <= now < doc["endDate"]),
            key=lambda doc: (doc["startDate"], doc["_id"]),
        )
        boundaries = [moment for doc in docs for moment in (doc["startDate"], doc["endDate"]) if moment > now]
        if (beyond := self.beyond[kind]) is not None:
            boundaries.append(beyond)
        return Live(tuple(items), min(boundaries, default=None), self.offsets)


class Snapshots(Protocol):
    """Where replicas leave snapshots for each other: `cm_api.domains.campaigns.snapshot_cache.SharedSnapshots`."""

    def read(self, now: datetime, offsets: Offsets) -> Snapshot | None: ...

    def put(self, snapshot: Snapshot) -> None: ...


class LiveSet:
    """One replica's live campaigns and events; `now` is the clock, `offsets` asks how far the read model is."""

    topic = DOMAIN.topic

    def __init__(
        self,
        store: LiveStore,
        offsets: Callable[[], Offsets],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        shared: Snapshots | None = None,
    ) -> None:
        self._store = store
        self._shared = shared
        self._offsets = offsets
        self._now = now
        self._taking = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._answers: dict[Kind, tuple[datetime, datetime, Live]] = {}

    def get(self, kind: Kind, needed: Offsets) -> Live:
        """What is live now, on a state that has everything below `needed`."""
        now, snapshot = self._now(), self._snapshot
        if snapshot is None or not snapshot.covers(needed) or not snapshot.taken <= now < snapshot.horizon:
            metrics.CACHE.labels("live", "miss").inc()
            snapshot = self._renew(needed, now)
            return snapshot.at(kind, now)
        metrics.CACHE.labels("live", "hit").inc()
        since, until, answer = self._answers.get(kind, (FIRST, FIRST, None))
        if answer is None or not since <= now < until:
            answer = snapshot.at(kind, now)
            with self._taking:
                if self._snapshot is snapshot:
                    self._answers[kind] = (now, min(answer.changes or snapshot.horizon, snapshot.horizon), answer)
        return answer

    def keep_up(self, ends: Offsets) -> bool:
        """Whether the snapshot has everything below `ends`; takes a new one when it hasn't, or when it is old."""
        now, snapshot = self._now(), self._snapshot
        if snapshot is None:
            return True  # nobody has asked yet; whoever does takes the first one
        if snapshot.covers(ends) and snapshot.taken <= now < snapshot.taken + RENEW_AFTER:
            return True
        if not snapshot.covers(ends) and dict(self._offsets()) == dict(snapshot.offsets):
            return False  # the read model hasn't moved
        return self._take(now).covers(ends)

    def _renew(self, needed: Offsets, now: datetime) -> Snapshot:
        """A snapshot taken from now on; callers who wait for the same one share it."""
        with self._taking:
            snapshot = self._snapshot
            if snapshot is not None and snapshot.covers(needed) and snapshot.taken <= now < snapshot.horizon:
                return snapshot
            return self._take_locked(now)

    def _take(self, now: datetime) -> Snapshot:
        with self._taking:
            return self._take_locked(now)

    def _take_locked(self, now: datetime) -> Snapshot:
        offsets = dict(self._offsets())  # before the read: never further than what is read
        snapshot = self._shared.read(now, offsets) if self._shared else None
        if snapshot is None:
            snapshot = self._read(now, offsets)
            if self._shared:
                self._shared.put(snapshot)
        self._snapshot = snapshot
        self._answers = {}
        return snapshot

    def _read(self, now: datetime, offsets: Offsets) -> Snapshot:
        horizon = now + HORIZON
        window = {kind: self._store.window(kind, now, horizon) for kind in KINDS}
        beyond = {kind: self._store.next_start(kind, horizon) for kind in KINDS}
        log.debug("live_set_taken", extra={"live": {kind: len(docs) for kind, docs in window.items()}})
        return Snapshot(now, horizon, offsets, window, beyond)
