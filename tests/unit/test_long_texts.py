"""How a long text of the catalog is stored and read."""

from __future__ import annotations

import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cm_api.domains.catalog.long_texts import COMPRESS_FROM, compressed, decompressed

PROSE = "A lamp of brass, which burns all night. " * 400


@pytest.mark.parametrize("field", ["text", "description"])
@pytest.mark.parametrize("text", [PROSE, "é" * (COMPRESS_FROM // 2 + 1), "\u0000" * (COMPRESS_FROM + 1)])
def test_a_long_text_is_a_frame_that_any_zstd_reads(field: str, text: str) -> None:
    stored = compressed({"_id": "1", field: text})[field]
    assert isinstance(stored, bytes) and len(stored) < len(text.encode()) / 10
    assert zstandard.decompress(stored).decode() == text


@pytest.mark.parametrize("text", ["", "short", "x" * COMPRESS_FROM, "é" * (COMPRESS_FROM // 2)])
def test_up_to_four_kibibytes_a_document_is_stored_as_it_is(text: str) -> None:
    doc = {"_id": "1", "text": text}
    assert compressed(doc) is doc


@pytest.mark.parametrize("letters", [range(0x80), range(0x80, 0x800), range(0x800, 0xD800), range(0x10000, 0x110000)])
def test_even_noise_becomes_smaller(letters: range) -> None:
    noise = "".join(map(chr, random.Random(1).choices(letters, k=COMPRESS_FROM + 1)))
    assert len(compressed({"text": noise})["text"]) < len(noise.encode())


def test_the_document_that_was_given_is_not_changed() -> None:
    doc = {"_id": "1", "text": PROSE, "description": "short"}
    stored = compressed(doc)
    assert doc["text"] == PROSE and stored["description"] == "short" and stored["_id"] == "1"


def test_long_texts_that_were_stored_as_text_are_read_as_they_are() -> None:
    assert decompressed({"_id": "1", "text": PROSE}) == {"_id": "1", "text": PROSE}
    assert decompressed({"_id": "1"}) == {"_id": "1"}, "a read without texts"


@given(st.text(max_size=200).flatmap(lambda some: st.integers(0, 2000).map(lambda times: some * times)))
def test_every_text_comes_back(text: str) -> None:
    assert decompressed(dict(compressed({"text": text}))) == {"text": text}
