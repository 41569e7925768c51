"""JSON as bytes: what may stand before it, what can't be read of it, and halves of characters in it.

JSON can escape one half of a surrogate pair ("\\ud800"), which no string in UTF-8 holds. The decoder gives up on the
whole body then; with a mark in its place the rest can be read, and the fault is told at its field.
"""

from __future__ import annotations

import re

import msgspec

from shop_core.errors import FieldFault, InvalidInput, MalformedRequest

BOM = b"\xef\xbb\xbf"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BYTE = re.compile(r"\(byte ([0-9]+)\)")  # in msgspec's words: where it gave up
# An escape in JSON: a pair of surrogates, one that stands alone (the group), or anything else.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_MARK = rb"\u0000\uffff\u0000"


def lines_of_array(text: bytes) -> list[bytes]:
    """The items of a JSON array as they stand there, so that each is judged by itself."""
    try:
        try:
            return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
        except msgspec.DecodeError:
            raws = msgspec.json.decode(mark_halves(text), type=list[msgspec.Raw])
            return [bytes(raw).replace(_MARK, rb"\ud800") for raw in raws]
    except UNREADABLE as error:
        raise not_json(text, error) from None


def mark_halves(text: bytes) -> bytes:
    """JSON with a mark for each half of a character."""
    return _ESCAPE.sub(lambda found: _MARK if found[1] else found[0], text)


def has_mark(text: bytes) -> bool:
    return _MARK in text


def without_marks(text: str) -> str:
    """A marked string as it can be shown."""
    return text.replace("\0\uffff\0", "\ufffd")


def not_json(text: bytes, error: Exception) -> InvalidInput:
    """In our words: where it can't be read."""
    if isinstance(error, UnicodeDecodeError):
        detail = "is not valid JSON: its bytes are not utf-8"
    elif isinstance(error, RecursionError):
        detail = "is not valid JSON for us: it is nested too deep"
    elif not text.strip():
        detail = "is empty, must be JSON"
    else:
        at = _BYTE.search(str(error))
        detail = f"is not valid JSON{f' at byte {at[1]}' if at else ': it ends too early'}"
    return MalformedRequest(FieldFault("body", detail))
