"""One `Kafka` for each address and login in use. What nobody uses any more is closed: connections and old passwords
must not gather over rotations."""

from __future__ import annotations

import threading

from shop_operator.adapters.kafka import Kafka
from shop_operator.desired.kafka_login import Login

Owner = tuple[str, str]  # namespace and name of a ShopConsumer
_Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Kafkas:
    """The Kafkas by who uses them."""

    def __init__(self) -> None:
        self._known: dict[_Key, Kafka] = {}
        self._used: dict[Owner, _Key] = {}
        self._lock = threading.Lock()

    def at(self, owner: Owner, bootstrap: str, known_by: Login) -> Kafka:
        """The owner's Kafka; the one that it used before is let go."""
        key = (bootstrap, known_by.source, tuple(sorted(known_by.values.items())))
        with self._lock:
            before, self._used[owner] = self._used.get(owner), key
            found = self._known.setdefault(key, Kafka(bootstrap, known_by))
            idle = self._idle(before)
        if idle is not None:
            idle.close()
        return found

    def release(self, owner: Owner) -> None:
        """The owner is gone."""
        with self._lock:
            idle = self._idle(self._used.pop(owner, None))
        if idle is not None:
            idle.close()

    @property
    def open(self) -> int:
        return len(self._known)

    def _idle(self, key: _Key | None) -> Kafka | None:
        return None if key is None or key in self._used.values() else self._known.pop(key, None)
