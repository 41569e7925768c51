"""Record batches in every codec of the Kafka protocol, opened within a bound.

kafka-python opens whatever a batch holds, however large: a few kilobytes on the wire may be a gigabyte in memory, which
would end the process, and again after each restart. Here a batch that opens to more than `MOST_BYTES` is unreadable.
Source of the formats: KIP-98 (batch), KIP-110 (zstd), xerial's snappy stream (what Java writes).
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable, Mapping
from typing import Any

import lz4.frame
import snappy
import zstandard
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords

MOST_BYTES = 64 * 1024 * 1024
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16


class BatchTooLarge(CorruptRecordError):  # type: ignore[misc]
    """A batch that opens to more than the bound."""


class OpenedBatch(DefaultRecordBatch):  # type: ignore[misc]
    """A record batch (format 2) whose records are opened by the codecs below."""

    _buffer: bytearray
    _pos: int
    _decompressed: bool

    def _maybe_uncompress(self) -> None:
        if not self._decompressed and self.compression_type != self.CODEC_NONE:
            self._buffer = bytearray(opened(self.compression_type, bytes(memoryview(self._buffer)[self._pos :])))
            self._pos = 0
        self._decompressed = True


class OpenedBatches:
    """The batches of one fetch, as `MemoryRecords` has them."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records
        self._packed: DefaultRecordBatch | None = None

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        self._packed = batch if isinstance(batch, DefaultRecordBatch) else None
        return batch if self._packed is None else OpenedBatch(batch._buffer)

    @property
    def end(self) -> int | None:
        """The offset after the batch read last, None where its header can't be trusted."""
        return self._packed.next_offset if self._packed is not None and self._packed.validate_crc() else None


def opened(codec: int, packed: bytes) -> bytes:
    """What a batch's records are without their compression; `CorruptRecordError` or `UnsupportedCodecError`."""
    if codec not in _OPEN:
        raise UnsupportedCodecError(f"codec {codec} is not known")
    try:
        plain = _OPEN[codec](packed)
    # Each library has errors of its own, some of them bare; whichever it is, the batch can't be opened.
    except Exception as error:
        if isinstance(error, CorruptRecordError):
            raise
        raise CorruptRecordError(f"codec {codec}: {type(error).__name__}") from error
    if len(plain) > MOST_BYTES:
        raise BatchTooLarge(f"opens to more than {MOST_BYTES} bytes")
    return plain


def _gzip(packed: bytes) -> bytes:
    return gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MOST_BYTES + 1)


def _lz4(packed: bytes) -> bytes:
    with lz4.frame.open(io.BytesIO(packed)) as stream:
        plain: bytes = stream.read(MOST_BYTES + 1)
        return plain


def _zstd(packed: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True) as stream:
        return stream.read(MOST_BYTES + 1)


def _snappy(packed: bytes) -> bytes:
    """librdkafka writes one raw block, Java a stream of blocks with their lengths."""
    if not packed.startswith(_XERIAL):
        return _snappy_block(packed)
    plain, at = bytearray(), _XERIAL_HEADER
    while at < len(packed) and len(plain) <= MOST_BYTES:
        (size,) = struct.unpack_from("!i", packed, at)
        if size < 0:
            raise CorruptRecordError(f"a snappy block has {size} bytes")
        plain += _snappy_block(packed[at + 4 : at + 4 + size])
        at += 4 + size
    return bytes(plain)


def _snappy_block(block: bytes) -> bytes:
    size = shift = 0
    for byte in block[:5]:  # the block begins with its length when opened, seven bits a byte
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > MOST_BYTES:
        raise BatchTooLarge(f"opens to more than {MOST_BYTES} bytes")
    plain: bytes = snappy.decompress(block)
    return plain


_OPEN: Mapping[int, Callable[[bytes], bytes]] = {
    DefaultRecordBatch.CODEC_GZIP: _gzip,
    DefaultRecordBatch.CODEC_SNAPPY: _snappy,
    DefaultRecordBatch.CODEC_LZ4: _lz4,
    DefaultRecordBatch.CODEC_ZSTD: _zstd,
}
