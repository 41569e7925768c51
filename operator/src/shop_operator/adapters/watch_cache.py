"""What the API server holds, kept here by a list and a watch for each kind and namespace, so that looks at rest ask for
nothing. What is not found here is asked for: an object of somebody else's may have other labels than ours."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

log = logging.getLogger(__name__)
Manifest = dict[str, Any]
Heard = Callable[[Manifest], None]
# The first wait after a failure, and the longest; a kind that is not installed is looked for in between.
_SOON, _LATE = 1.0, 30.0
_REMEMBERED = 1000
_ABSENT = {"ScaledObject": 5.0}


class Gone(Exception):
    """The watch can't go on from where it was: list anew."""


class Absent(Exception):
    """The kind is not installed."""


class Source:
    """How a mirror asks: `listed` gives all objects and the version they are of, `watched` the changes since."""

    def listed(self) -> tuple[list[Manifest], str]:
        raise NotImplementedError

    def watched(self, version: str) -> Iterator[Manifest]:
        raise NotImplementedError


class Mirror:
    """The objects of one kind in one namespace, as they are known now."""

    def __init__(self, kind: str, source: Source, heard: Heard) -> None:
        self.kind, self._source, self._heard = kind, source, heard
        self.synced, self.absent = False, False
        self._objects: dict[str, Manifest] = {}
        self._deleted: dict[str, None] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> Mirror:
        threading.Thread(target=self._run, name=f"mirror-{self.kind}", daemon=True).start()
        return self

    def get(self, name: str) -> Manifest | None:
        """The object; None where it is not known."""
        return self._objects.get(name) if self.synced else None

    def gone(self, name: str) -> bool:
        """Was it seen to be deleted? Then there is nobody to ask, and in a namespace that goes no right to."""
        return self.synced and name in self._deleted

    def list(self, marks: dict[str, str]) -> list[Manifest] | None:
        """All with these labels; None while they are not known."""
        if not self.synced:
            return None
        with self._lock:
            live = list(self._objects.values())
        return [each for each in live if marks.items() <= (each["metadata"].get("labels") or {}).items()]

    def put(self, live: Manifest) -> None:
        """A newer state, from a watch or from our own write."""
        name = live["metadata"]["name"]
        with self._lock:
            known = self._objects.get(name)
            if (
                known is None
                or _version(known) <= _version(live)
                or known["metadata"]["uid"] != live["metadata"]["uid"]
            ):
                self._objects[name] = live | {"kind": self.kind}
                self._deleted.pop(name, None)

    def drop(self, name: str) -> None:
        """Not known any more: it is asked for when it is needed."""
        with self._lock:
            self._objects.pop(name, None)

    def _run(self) -> None:
        wait = _SOON
        while not self._stop.wait(0):
            try:
                self._follow()
                wait = _SOON
            except Absent:
                self.synced, self.absent, wait = False, True, _ABSENT.get(self.kind, _LATE)
            except Gone:
                wait = _SOON
            except Exception as error:  # whatever it is: ask for each object until the mirror is whole again
                self.synced = False
                log.debug("mirror_failed", extra={"kind": self.kind, "error": str(error)})
                wait = min(_LATE, wait * 2)
            if self._stop.wait(wait):
                return

    def _follow(self) -> None:
        """List, then take changes until the watch can't go on."""
        objects, version = self._source.listed()
        with self._lock:
            self._deleted.clear()
            self._objects = {live["metadata"]["name"]: live | {"kind": self.kind} for live in objects}
        self.synced, self.absent = True, False
        for live in objects:
            self._heard(live | {"kind": self.kind})
        while True:
            for change in self._source.watched(version):
                version = change["object"]["metadata"]["resourceVersion"]
                self._take(change)

    def _take(self, change: Manifest) -> None:
        live = change["object"] | {"kind": self.kind}
        if change["type"] == "BOOKMARK":
            return
        if change["type"] == "DELETED":
            with self._lock:
                self._objects.pop(live["metadata"]["name"], None)
                self._deleted[live["metadata"]["name"]] = None
                while len(self._deleted) > _REMEMBERED:
                    self._deleted.pop(next(iter(self._deleted)))
        else:
            self.put(live)
        self._heard(live)


def _version(live: Manifest) -> int:
    return int(live["metadata"].get("resourceVersion", "0"))


def change_of(line: bytes) -> Manifest:
    """One line of a watch."""
    change: Manifest = json.loads(line)
    if change["type"] == "ERROR":
        raise Gone(str(change["object"].get("message", "")))
    return change
