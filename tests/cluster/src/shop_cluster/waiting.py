"""Waits for a condition instead of sleeping for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable

from shop_cluster.commands import ClusterError

PAUSE = 0.1


def wait_until(happened: Callable[[], object], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:g} s")
        time.sleep(PAUSE)
