"""The words by which a product is found: those of its name and its tags, without case and accents.

They are stored with it, since an index on them is all that a search by the beginnings of words needs, in any MongoDB:
a text index would find whole words only, by one language's rules, and the embedded database has none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MOST_STORED = 64  # of a product; each costs an entry of the index
MOST_ASKED = 8
_WORD = re.compile(r"\w+")


def words_of(texts: Iterable[str]) -> list[str]:
    """Each word once, in order; "Brass Lämp" is found by `brass` and by `lamp`."""
    found: dict[str, None] = {}
    for text in texts:
        plain = unicodedata.normalize("NFKD", text.casefold())
        letters = "".join(char for char in plain if unicodedata.category(char) != "Mn")
        found |= dict.fromkeys(_WORD.findall(letters))
    return list(found)


def words_of_product(name: str, tags: Iterable[str]) -> list[str]:
    return words_of((name, *tags))[:MOST_STORED]
