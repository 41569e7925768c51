"""What threads have to say to the loop. One wake-up is enough, however many of them speak before it looks."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers import gthread

_MOST_BYTES = 4096  # nearly always one; threads that speak at the very same moment write one each


class LoopCalls(gthread.PollableMethodQueue):  # type: ignore[misc]
    """gunicorn's queue of calls, which writes a byte to its pipe, and takes one out, for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self._woken = False

    def defer(self, callback: Callable[..., Any], *args: Any) -> None:
        """Have the loop call `callback`."""
        self._queue.put(partial(callback, *args))
        if not self._woken:
            self._woken = True
            with suppress(OSError):  # full: then it is awake
                os.write(self._write_fd, b"\0")

    def run_callbacks(self, _pipe: Any, max_callbacks: int = 0) -> None:
        """The loop's: call what was there when it looked; what came later has woken it again."""
        with suppress(OSError):
            os.read(self._read_fd, _MOST_BYTES)
        self._woken = False  # before the queue is looked at: else what comes in between would wake nobody
        for _ in range(self._queue.qsize()):
            self._queue.get_nowait()()
