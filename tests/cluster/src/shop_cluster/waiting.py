"""Waits for a condition instead of sleeping for a guess."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from shop_cluster.commands import ClusterError

PAUSE = 0.1
# How many times as long as usual to wait for everything, on a machine that has other things to do.
PATIENCE = float(os.environ.get("E2E_PATIENCE", "1"))


def wait_until(happened: Callable[[], object], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:g} s")
        time.sleep(PAUSE)
