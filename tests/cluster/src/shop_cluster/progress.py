"""One line a step, with the seconds it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"{what} … failed after {time.monotonic() - started:.1f} s", flush=True)
        raise
    print(f"{what} … {time.monotonic() - started:.1f} s", flush=True)
