"""UUIDv7 (RFC 9562): ids that sort by the moment they were made, also within one millisecond and clock steps back."""

from __future__ import annotations

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A new id, greater than every one that this process made before."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of their fraction, never stepping back.
        nanoseconds = time.time_ns()
        stamp = (nanoseconds // 1_000_000 << 12) | (nanoseconds % 1_000_000 * 4096 // 1_000_000)
        _last = stamp = max(stamp, _last + 1)
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
    return uuid.UUID(int=(high << 64) | (0x2 << 62) | random)
