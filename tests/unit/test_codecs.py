"""Every codec of the protocol is opened, within a bound, and what is broken is a corrupt batch."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from collections.abc import Callable

import lz4.frame
import pytest
import snappy
import zstandard
from kafka.codec import snappy_encode
from kafka.errors import CorruptRecordError, UnsupportedCodecError

from shop_core.kafka import codecs
from shop_core.kafka.codecs import MOST_BYTES, BatchTooLarge, opened

EMPTY_OF_2_GIB = b"\xff\xff\xff\xff\x07"  # so large by its own word, and nothing in it
# A stream whose block has a length below zero: counted from the stream's end, where by chance another block stands.
BACKWARDS = b"\x82SNAPPY\0\0\0\0\1\0\0\0\1" + b"".join(
    struct.pack("!i", length) + snappy.compress(plain) for length, plain in ((-28, b"a"), (99, b"ab"))
)


def streamed_zstd(plain: bytes) -> bytes:
    """As Java writes it: without the length, in several frames."""
    frames = [zstandard.ZstdCompressor(write_content_size=False).compress(plain[at : at + 999_999]) for at in
              range(0, len(plain), 999_999)]  # fmt: skip
    return b"".join(frames)


PACK: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (1, gzip.compress),
    "gzip, two members": (1, lambda plain: gzip.compress(plain[:7]) + gzip.compress(plain[7:])),
    "snappy as librdkafka writes it": (2, snappy.compress),
    "snappy as Java writes it": (2, snappy_encode),
    "lz4": (3, lz4.frame.compress),
    "lz4, linked blocks": (3, lambda plain: lz4.frame.compress(plain, block_linked=True, store_size=False)),
    "zstd": (4, lambda plain: zstandard.ZstdCompressor().compress(plain)),
    "zstd as Java writes it": (4, streamed_zstd),
}


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("plain", [b"", b"x", b"a" * 3_000_000, os.urandom(100_000)], ids=["empty", "1", "3M", "noise"])
def test_what_was_packed_is_opened(name: str, plain: bytes) -> None:
    codec, pack = PACK[name]
    assert opened(codec, pack(plain)) == plain


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_is_not_opened(name: str) -> None:
    codec, pack = PACK[name]
    with pytest.raises(BatchTooLarge):
        opened(codec, pack(bytes(MOST_BYTES + 1)))


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
@pytest.mark.parametrize("packed", [b"\x05", b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\xff\xff\xff\xff", b"\xff" * 64])
def test_what_is_broken_is_a_corrupt_batch(codec: int, packed: bytes) -> None:
    with pytest.raises(CorruptRecordError):
        opened(codec, packed)


@pytest.mark.parametrize("name", PACK)
def test_of_a_bomb_no_more_is_opened_than_the_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec, pack = PACK[name]
    bound, bomb = 1024 * 1024, pack(bytes(MOST_BYTES))
    monkeypatch.setattr(codecs, "MOST_BYTES", bound)
    tracemalloc.start()
    try:
        with pytest.raises(BatchTooLarge):
            opened(codec, bomb)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * bound


@pytest.mark.parametrize(
    ("packed", "error"),
    [
        (EMPTY_OF_2_GIB, BatchTooLarge),
        (BACKWARDS, CorruptRecordError),
    ],
    ids=["a length beyond the bound", "a length below zero"],
)
def test_a_snappy_block_is_no_longer_than_it_may_be(packed: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        opened(2, packed)


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_an_unknown_codec_is_named(codec: int) -> None:
    with pytest.raises(UnsupportedCodecError, match=str(codec)):
        opened(codec, b"x")
