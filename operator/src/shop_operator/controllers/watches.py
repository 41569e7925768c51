"""One watch a namespace, each held up by itself: a namespace that goes, is forbidden or comes later changes nothing for
the others, and is looked for again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from shop_operator import metrics

log = logging.getLogger(__name__)
AGAIN_SECONDS, END_SECONDS = 60.0, 3.0
# Watches one namespace until it ends or fails.
Watch = Callable[[str], Awaitable[None]]


async def watch_all(namespaces: Sequence[str], watch: Watch, stop: asyncio.Event, again: float = AGAIN_SECONDS) -> None:
    """Watch every namespace until `stop`. A watch that does not end soon after is left: one that was forbidden in
    between waits for its next try, and hears nothing until then."""
    tasks = [
        asyncio.create_task(_held(namespace, watch, stop, again), name=f"watch-{namespace}") for namespace in namespaces
    ]
    await stop.wait()
    _, late = await asyncio.wait(tasks, timeout=END_SECONDS)
    for task in late:
        task.cancel()


async def _held(namespace: str, watch: Watch, stop: asyncio.Event, again: float) -> None:
    while not stop.is_set():
        metrics.NAMESPACE_UNSEEN.labels(namespace).set(0)
        try:
            await watch(namespace)
            detail = "the watch ended"
        except Exception as error:  # of one namespace: whatever it is, the others are watched on
            detail = f"{type(error).__name__}: {error}"
        if stop.is_set():
            return
        metrics.NAMESPACE_UNSEEN.labels(namespace).set(1)
        log.warning("namespace_unseen", extra={"namespace": namespace, "detail": detail[:300], "again_seconds": again})
        try:
            async with asyncio.timeout(again):
                await stop.wait()
        except TimeoutError:
            continue
