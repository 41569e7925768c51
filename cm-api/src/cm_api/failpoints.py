"""Where the tests may kill a consumer: FAILPOINT=<place>:<n> ends the process, as kill -9 would, at the nth pass."""

from __future__ import annotations

import os
import signal

_wanted, _, _after = os.environ.get("FAILPOINT", "").partition(":")
_passes = 0


def failpoint(place: str) -> None:
    """Die here when the environment says so; nothing otherwise."""
    global _passes
    if place == _wanted:
        _passes += 1
        if _passes >= int(_after or 1):
            os.kill(os.getpid(), signal.SIGKILL)
