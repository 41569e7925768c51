"""The live set's snapshot in the shared cache, where there is one: of many replicas that hear of a change, one asks the
database for what is live, and the others find it here.

A snapshot counts only for the very positions that the reader has just asked the database for, and only while it is
young. So it is never older than the database, whoever wrote it, and nothing has to be taken out.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from cm_api.domains.campaigns.cache import KINDS, RENEW_AFTER, Snapshot
from cm_api.http.shared_cache import SharedCache
from shop_core.mongo.positions import Offsets

ENTITY = "campaigns:live"


class SharedSnapshots:
    """Reads and puts the newest snapshot; a cache that is away has none and takes none."""

    def __init__(self, cache: SharedCache) -> None:
        self._cache = cache

    def read(self, now: datetime, offsets: Offsets) -> Snapshot | None:
        """The snapshot of a read model that is exactly at `offsets`; None where there is none that is young enough."""
        raw = self._cache.read(ENTITY)
        if raw is None:
            return None
        try:
            found = msgspec.msgpack.decode(raw, type=Snapshot)
            for kind in KINDS:
                found.at(kind, now)  # whether it can be used, before it is
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            self._cache.wrong(ENTITY, f"{type(error).__name__}: {error}")
            return None
        young = found.taken <= now < found.taken + RENEW_AFTER
        return found if young and dict(found.offsets) == dict(offsets) else None

    def put(self, snapshot: Snapshot) -> None:
        """The further the read model, the higher the version; a younger one of the same state takes its place."""
        version = sum(snapshot.offsets.values())
        self._cache.put(ENTITY, version, {"": msgspec.msgpack.encode(snapshot)}, writer=True)
