"""How long texts are stored: by zstd, so that little of the database's disk and memory goes into what is seldom read.

`CatalogStore` alone knows of it: all others write and read text. What was stored before stays readable: a text is text,
bytes are a zstd frame (RFC 8878).
"""

from __future__ import annotations

import zstandard

from shop_core.mongo.client import Document

FIELDS = ("text", "description")
COMPRESS_FROM = 4 * 1024  # bytes of UTF-8; below it a frame saves less than a page of the database holds
LEVEL = 3  # zstd's own default


def compressed(doc: Document) -> Document:
    """`doc`, or the part of it that changes, as it is stored; itself where nothing in it is long."""
    long = {field: frame for field in FIELDS if (frame := _frame(doc.get(field))) is not None}
    return doc | long if long else doc


def decompressed(doc: Document) -> Document:
    """`doc` with its texts, which takes the place of what was stored."""
    for field in FIELDS:
        stored = doc.get(field)
        if isinstance(stored, bytes):
            doc[field] = zstandard.decompress(stored).decode()
    return doc


def _frame(text: object) -> bytes | None:
    """None for what is stored as it is."""
    # A character is at most four bytes, so that nearly every text is known to be short without being encoded.
    if not isinstance(text, str) or len(text) * 4 <= COMPRESS_FROM:
        return None
    plain = text.encode()
    if len(plain) <= COMPRESS_FROM:
        return None
    # No text is so random that its frame would be longer: UTF-8 leaves an eighth of its bits unused at least.
    return zstandard.compress(plain, LEVEL)
