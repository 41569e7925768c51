"""How far topics are stored, read once for all who wait for a receipt meanwhile: hundreds of them cost one reading.

A reading that is a little old is good enough for who asks again soon: what it says to be stored is stored for ever.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from shop_core.errors import Unavailable
from shop_core.events import TOPICS
from shop_core.mongo.client import Database, Document
from shop_core.mongo.positions import Positions, Stored

LATELY_SECONDS = 0.01  # not more than the first wait between two looks, so who waits alone never sees an old one


@dataclass
class _Reading:
    """The last one of a topic: how it ended, when, and the lock of whoever makes the next."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: float = float("-inf")
    stored: Mapping[int, Stored] | Unavailable = field(default_factory=dict)


class StoredPositions:
    """One per process."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db
        self._last: defaultdict[str, _Reading] = defaultdict(_Reading)

    def now(self, topic: str) -> Mapping[int, Stored]:
        """Every known position of `topic` by partition; `Unavailable` when the database does not say."""
        return Positions(self._db, TOPICS[topic].group).stored(topic)

    def lately(self, topic: str) -> Mapping[int, Stored]:
        """The same, as of the last reading: of a moment ago, or the one that ends while this waits for it."""
        asked, last = time.monotonic(), self._last[topic]
        with last.lock:
            if last.ended < asked - LATELY_SECONDS:
                try:
                    last.stored = self.now(topic)
                except Unavailable as error:
                    last.stored = error
                last.ended = time.monotonic()
            stored = last.stored
        if isinstance(stored, Unavailable):
            raise Unavailable(str(stored)) from stored
        return stored
