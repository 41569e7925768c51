"""What may go to a terminal: text of strangers, with everything escaped that a terminal acts on or an eye can't see."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

# Controls, halves of pairs, line separators, private and unassigned characters, and what is only format: all that
# turns the direction of text. The two joiners stay, since Persian and Indic words are written with them.
_UNSEEN = {"Cc", "Cs", "Zl", "Zp", "Co", "Cn", "Cf"}
_JOINERS = {"\u200c", "\u200d"}


def escaped(text: str) -> str:
    """`text` on one line, unseen characters written as escapes."""
    return text if text.isprintable() else text.translate({ord(each): _escape(each) for each in set(text)})


def shown(raw: bytes | None) -> str:
    """Bytes of strangers as text; what is not UTF-8 is escaped as well."""
    return "(none)" if raw is None else escaped(raw.decode(errors="backslashreplace"))


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def as_json(value: Any) -> str:
    """One line of JSON that any terminal may print."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def prepare_output() -> None:
    """A terminal that knows fewer characters than the shop's names have shows escapes, no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _JOINERS:
        return character
    return character.encode("unicode_escape").decode()
