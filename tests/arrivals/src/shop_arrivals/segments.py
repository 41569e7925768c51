"""Batches as they lie in the broker's log, changed in place: what a broken disk leaves, or a client that we don't have.

The broker hands batches out as they are in the file, so it need not be stopped. Layout: KIP-98, record batch format 2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shop_arrivals.draws import Domain

_OVERHEAD = 12  # base offset and length
CRC, ATTRIBUTES, COUNT, RECORDS = 17, 21, 57, 61
_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected


@dataclass(frozen=True)
class Batch:
    """One batch in its segment's file."""

    file: Path
    position: int
    size: int

    def read(self) -> bytes:
        with self.file.open("rb") as file:
            file.seek(self.position)
            return file.read(self.size)

    def write(self, content: bytes) -> None:
        """Over the old content; another length would move what comes behind."""
        assert len(content) == self.size
        with self.file.open("r+b") as file:
            file.seek(self.position)
            file.write(content)


def batch_at(state_dir: Path, domain: Domain, partition: int, offset: int) -> Batch:
    """The batch that begins with `offset`."""
    for file in sorted((state_dir / "data" / "kafka" / f"{domain.topic}-{partition}").glob("*.log")):
        content, position = file.read_bytes(), 0
        while position + _OVERHEAD <= len(content):
            first, length = struct.unpack_from(">qi", content, position)
            if first == offset:
                return Batch(file, position, _OVERHEAD + length)
            position += _OVERHEAD + length
    raise AssertionError(f"{domain.topic}-{partition} has no batch that begins with {offset}")


@contextmanager
def changed(batch: Batch, change: Callable[[bytearray], None]) -> Iterator[None]:
    """The batch as `change` leaves it, until the end of the block."""
    whole = batch.read()
    broken = bytearray(whole)
    change(broken)
    assert broken != whole, "nothing was changed"
    batch.write(bytes(broken))
    try:
        yield
    finally:
        batch.write(whole)


def sealed(change: Callable[[bytearray], None]) -> Callable[[bytearray], None]:
    """`change`, with a checksum that fits: as a client would have written it."""

    def done(batch: bytearray) -> None:
        change(batch)
        struct.pack_into(">I", batch, CRC, crc32c(bytes(batch[ATTRIBUTES:])))

    return done


def crc32c(content: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
