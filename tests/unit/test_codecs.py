"""Every codec of the protocol is opened, within a bound, and what is broken is a corrupt batch."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable

import lz4.frame
import pytest
import snappy
import zstandard
from kafka.codec import snappy_encode
from kafka.errors import CorruptRecordError, UnsupportedCodecError

from shop_core.kafka.codecs import MOST_BYTES, BatchTooLarge, opened


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


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_an_unknown_codec_is_named(codec: int) -> None:
    with pytest.raises(UnsupportedCodecError, match=str(codec)):
        opened(codec, b"x")
