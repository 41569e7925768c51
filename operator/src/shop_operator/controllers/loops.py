"""One loop a resource: look, then wait for a change or for the next turn. So no two looks at one resource overlap,
a missed event costs a few seconds, and drift is repaired whether anyone tells of it or not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from shop_operator import metrics
from shop_operator.adapters.cluster import ClusterError

log = logging.getLogger(__name__)
Reconcile = Callable[[str, str], bool]
Key = tuple[str, str, str]  # kind, namespace, name
_SLOWEST, _UNBOUND = 60.0, 1_000_000


class Troubled(Exception):
    """The look was made and told, but what it needs is away: look again less often."""


class Loops:
    """The loops of all resources, in one asyncio loop; the looks themselves run in threads."""

    def __init__(
        self,
        reconcilers: Mapping[str, Reconcile],
        interval: float,
        threads: Executor,
        slowest: float = _SLOWEST,
        share: int = _UNBOUND,
    ) -> None:
        self._reconcilers, self._interval, self._threads, self._slowest = reconcilers, interval, threads, slowest
        # So many looks at once for one namespace: what stands in one must not take the threads of another.
        self._shares: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(share))
        self._loop = asyncio.get_running_loop()
        self._wakes: dict[Key, asyncio.Event] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._versions: dict[Key, Any] = {}
        self._begun: dict[Key, float] = {}

    def oldest(self) -> float:
        """Seconds since the look began that has run longest; 0 while none runs. For other threads."""
        return max((time.monotonic() - begun for begun in list(self._begun.values())), default=0.0)

    def notify(self, kind: str, namespace: str, name: str, version: Any) -> None:
        """Something was heard of a resource. Only another `version` is a reason to look at once: our own writes of the
        status are heard of too."""
        key = (kind, namespace, name)
        fresh = self._versions.get(key) != version
        self._versions[key] = version
        if key not in self._tasks:
            self._wakes[key] = asyncio.Event()
            self._tasks[key] = asyncio.create_task(self._run(key), name="/".join(key))
        elif fresh:
            self._wakes[key].set()

    def wake(self, kind: str, namespace: str, name: str) -> None:
        """Reconcile at once, if the resource has a loop. For other threads."""
        self._loop.call_soon_threadsafe(self._awake, (kind, namespace, name))

    def _awake(self, key: Key) -> None:
        if key in self._wakes:
            self._wakes[key].set()

    async def _run(self, key: Key) -> None:
        failures = 0
        try:
            while True:
                self._wakes[key].clear()
                there, ok = await self._turn(key)
                if not there:
                    return
                failures = 0 if ok else failures + 1
                delay = min(self._slowest, self._interval * 2 ** min(failures, 4))
                await _wait(self._wakes[key], delay)
        finally:
            self._tasks.pop(key, None)
            self._wakes.pop(key, None)
            self._versions.pop(key, None)

    async def _turn(self, key: Key) -> tuple[bool, bool]:
        """One look; whether the resource is still there, and whether all went well."""
        kind, namespace, name = key
        started, outcome, there = time.monotonic(), "failed", True
        try:
            async with self._shares[namespace]:
                self._begun[key] = time.monotonic()
                there = await self._loop.run_in_executor(self._threads, self._reconcilers[kind], namespace, name)
            outcome = "ok"
        except Troubled:
            outcome = "away"
        except ClusterError as error:
            log.warning(
                "reconcile_failed", extra={"kind": kind, "namespace": namespace, "resource": name, "error": str(error)}
            )
        except Exception:  # a fault of ours in one resource must not end the care for the others
            log.exception("reconcile_error", extra={"kind": kind, "namespace": namespace, "resource": name})
        self._begun.pop(key, None)
        metrics.RECONCILE_SECONDS.labels(kind, outcome).observe(time.monotonic() - started)
        return there, outcome == "ok"


async def _wait(wake: asyncio.Event, delay: float) -> None:
    try:
        async with asyncio.timeout(delay):
            await wake.wait()
    except TimeoutError:
        return
