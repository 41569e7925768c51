"""Events of Kubernetes, counted together: the same reason and message within ten minutes is one Event, and a resource
that has told much is told of by reason alone. So their number is bounded, whatever fights with the operator."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest
from shop_operator.desired.event import event

WINDOW = 600.0
# So many different Events of a resource in a window; what comes beyond is counted by its reason.
MANY = 20
_REMEMBERED = 5000


@dataclass
class _Told:
    name: str
    since: float
    count: int


class Telling:
    """Writes Events for all resources. Safe to use from several threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._told: OrderedDict[tuple[str, ...], _Told] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, about: Manifest, kind: str, reason: str, message: str, stamp: str) -> None:
        """A new Event, or one more of those before; `ClusterError` where it can't be written."""
        uid = str(about["metadata"]["uid"])
        with self._lock:
            key = self._key(uid, reason, message)
            told = self._told.get(key)
            if told is None or time.monotonic() - told.since > WINDOW:
                told = self._told[key] = _Told(self._name(about, key), time.monotonic(), 0)
            told.count += 1
            self._told.move_to_end(key)
            while len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
            count = told.count
        if count > 1 and self._raised(about, told.name, count, message, stamp):
            return
        made = event(about, kind, reason, message, stamp)
        made["metadata"]["name"] = told.name
        del made["metadata"]["generateName"]
        try:
            self._cluster.create(made | {"count": count})
        except ClusterError as error:
            if error.status != 409:
                raise
            self._recounted(about, told, message, stamp)

    def _key(self, uid: str, reason: str, message: str) -> tuple[str, ...]:
        whole = (uid, reason, message)
        if whole in self._told:
            return whole
        recent = [key for key, told in self._told.items() if key[0] == uid and time.monotonic() - told.since <= WINDOW]
        return whole if len(recent) < MANY else (uid, reason)

    def _name(self, about: Manifest, key: tuple[str, ...]) -> str:
        """The same one for the same words in a window, so that an operator that begins anew counts on."""
        window = int(time.time() // WINDOW)
        digest = hashlib.sha256("\n".join((*key, str(window))).encode()).hexdigest()[:16]
        return f"{about['metadata']['name']}.{digest}"

    def _raised(self, about: Manifest, name: str, count: int, message: str, stamp: str) -> bool:
        """Raise the count of an Event; False where it is gone."""
        fresh = {"count": count, "lastTimestamp": stamp, "message": message[:1024]}
        try:
            self._cluster.patch("Event", about["metadata"]["namespace"], name, fresh)
            return True
        except ClusterError as error:
            if error.status != 404:
                raise
            return False

    def _recounted(self, about: Manifest, told: _Told, message: str, stamp: str) -> None:
        """The Event of an operator before this one is there already."""
        live = self._cluster.get("Event", about["metadata"]["namespace"], told.name)
        with self._lock:
            told.count += int((live or {}).get("count", 0))
            count = told.count
        self._raised(about, told.name, count, message, stamp)
