"""The words by which a product is found."""

from __future__ import annotations

import pytest

from cm_api.domains.catalog.words import MOST_STORED, words_of, words_of_product


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Brass lamp, brass lamp!", ["brass", "lamp"]),
        ("Café LÄMP", ["cafe", "lamp"]),
        ("STRASSE straße", ["strasse"]),
        ("e\u0301tude \u00e9tude", ["etude"]),  # composed or not
        ("A4-paper 80g/m²", ["a4", "paper", "80g", "m2"]),
        ("ﬁne", ["fine"]),
        ("Лампа 灯", ["лампа", "灯"]),
        ("--- ...", []),
        ("", []),
    ],
)
def test_words_have_no_case_no_accent_and_no_marks_between(text: str, words: list[str]) -> None:
    assert words_of([text]) == words


def test_a_product_is_found_by_its_name_before_its_tags_and_by_so_many_words_at_most() -> None:
    tags = [" ".join(f"t{tag}x{word}" for word in range(20)) for tag in range(20)]
    found = words_of_product("Brass lamp", tags)
    assert found[:3] == ["brass", "lamp", "t0x0"] and len(found) == MOST_STORED
