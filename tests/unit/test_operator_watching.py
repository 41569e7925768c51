"""A namespace that is missing, forbidden or comes later changes nothing for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shop_operator import metrics
from shop_operator.controllers.watches import watch_all


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(scene())).result(30)


@pytest.mark.security(37)
def test_one_namespace_that_fails_leaves_the_others_alone() -> None:
    tries: dict[str, int] = {}

    async def scene() -> None:
        stop, fine = asyncio.Event(), asyncio.Event()

        async def watch(namespace: str) -> None:
            tries[namespace] = tries.get(namespace, 0) + 1
            if namespace == "gone" and tries[namespace] < 3:
                raise PermissionError("shops is forbidden")
            if namespace == "gone":
                fine.set()
            await stop.wait()

        running = asyncio.create_task(watch_all(["a", "gone", "b"], watch, stop, again=0.01))
        await asyncio.wait_for(fine.wait(), 10)
        assert tries == {"a": 1, "gone": 3, "b": 1}
        assert metrics.NAMESPACE_UNSEEN.labels("gone")._value.get() == 0
        stop.set()
        await asyncio.wait_for(running, 10)

    run(scene)


def test_a_watch_that_does_not_end_is_ended() -> None:
    async def scene() -> None:
        stop = asyncio.Event()

        async def watch(namespace: str) -> None:
            await asyncio.Event().wait()

        running = asyncio.create_task(watch_all(["a"], watch, stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(running, 10)

    run(scene)
