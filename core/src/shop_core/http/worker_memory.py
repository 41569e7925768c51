"""Small records that all workers of one gunicorn see: made before the fork, read and written without locks.

Each key has one place, which a later key may take: this is a memory of what was lately, never the truth. A record that
another process is just writing reads as none, because its checksum does not fit.
"""

from __future__ import annotations

import mmap
import struct
import zlib

SIZE = 4 * 1024 * 1024  # touched only where something was written
KEY_BYTES = 16
_CHECKSUM = struct.Struct("<I")
_reserved: mmap.mmap | None = None


def reserve() -> None:
    """Before the fork: the memory that every worker forked from here on shares."""
    global _reserved
    _reserved = mmap.mmap(-1, SIZE)


class WorkerMemory:
    """Records of `size` bytes by keys of 16 evenly spread bytes; of this process alone where nothing was reserved."""

    def __init__(self, size: int) -> None:
        self._memory = _reserved or mmap.mmap(-1, SIZE)
        self._length = KEY_BYTES + size + _CHECKSUM.size
        self._places = SIZE // self._length

    def get(self, key: bytes) -> bytes | None:
        at = self._place(key)
        found = self._memory[at : at + self._length]
        said, checksum = found[: -_CHECKSUM.size], found[-_CHECKSUM.size :]
        if said[:KEY_BYTES] != key or _CHECKSUM.pack(zlib.crc32(said)) != checksum:
            return None
        return said[KEY_BYTES:]

    def put(self, key: bytes, value: bytes) -> None:
        at, said = self._place(key), key + value
        self._memory[at : at + self._length] = said + _CHECKSUM.pack(zlib.crc32(said))

    def drop(self, key: bytes) -> None:
        at = self._place(key)
        if self._memory[at : at + KEY_BYTES] == key:
            self._memory[at : at + self._length] = bytes(self._length)

    def _place(self, key: bytes) -> int:
        return int.from_bytes(key[:8], "little") % self._places * self._length
