"""Looks that hang: they take no other namespace's threads, and the operator knows that it is not alive."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shop_operator.controllers.loops import Loops
from shop_operator.health import HANGS_AFTER, Health


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(scene())).result(60)


@pytest.mark.security(37)
def test_one_namespace_holds_no_more_than_its_share_of_the_threads() -> None:
    release, looked = threading.Event(), threading.Event()

    def look(namespace: str, name: str) -> bool:
        if namespace == "noisy":
            release.wait(30)
        else:
            looked.set()
        return False

    async def scene() -> None:
        with ThreadPoolExecutor(4) as threads:
            loops = Loops({"ShopConsumer": look, "Shop": look}, 5, threads, share=2)
            for number in range(24):
                loops.notify("ShopConsumer" if number % 2 else "Shop", "noisy", f"n{number}", 1)
            loops.notify("ShopConsumer", "victim", "v", 1)
            try:
                assert await asyncio.to_thread(looked.wait, 20), "the other namespace is looked at all the same"
            finally:
                release.set()

    run(scene)


def test_a_look_that_hangs_is_seen_until_it_ends() -> None:
    begun, release = threading.Event(), threading.Event()

    def look(namespace: str, name: str) -> bool:
        begun.set()
        release.wait(30)
        return False

    async def scene() -> None:
        with ThreadPoolExecutor(1) as threads:
            loops = Loops({"Shop": look}, 5, threads)
            assert loops.oldest() == 0
            loops.notify("Shop", "ns", "shop", 1)
            await asyncio.to_thread(begun.wait, 20)
            assert loops.oldest() > 0
            release.set()
            while loops.oldest():
                await asyncio.sleep(0.01)

    run(scene)


def test_liveness_asks_for_looks_that_hang() -> None:
    health = Health()
    assert health.answer("/healthz")[0] == 200
    health.oldest = lambda: HANGS_AFTER - 1
    assert health.answer("/healthz")[0] == 200, "a slow look is no reason to start anew"
    health.oldest = lambda: HANGS_AFTER + 1
    status, _, body = health.answer("/healthz")
    assert status == 503 and b"a look has been running for 301 s" in body
