"""`Prefer` (RFC 7240): read by its grammar, honoured where it can be, and never a reason to refuse a request.

Of what callers prefer only `wait` is known here: hold the answer until the command is settled, at most so long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask, Response, g, request

from shop_core.http.app import MAX_WAIT_SECONDS

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def install(app: Flask) -> None:
    """Tell by `Preference-Applied` what was honoured."""

    def tell(answer: Response) -> Response:
        if g.get("wait_honoured"):
            answer.headers["Preference-Applied"] = f"wait={wait_in(request.headers['Prefer']):g}"
        return answer

    app.after_request(tell)


def preferred_wait() -> float:
    """Seconds that the request in hand prefers to wait, 0 where it does not say so."""
    field = request.headers.get("Prefer")
    return 0.0 if field is None else wait_in(field)


def honoured() -> None:
    """The request in hand has waited, or did not need to."""
    g.wait_honoured = True


def wait_in(field: str) -> float:
    """`wait=n` of a Prefer field, cut to the most that is waited; 0 where it is none or can't be honoured."""
    value = preferences(field).get("wait", "")
    return min(float(value), MAX_WAIT_SECONDS) if _SECONDS.fullmatch(value) else 0.0


def preferences(field: str) -> dict[str, str]:
    """Each preference with its value, "" without one. The first of a name counts; what breaks the grammar does not."""
    found: dict[str, str] = {}
    for member in _split(field, ","):
        name, _, value = next(_split(member, ";")).partition("=")
        name, word = name.strip(" \t").lower(), _word(value.strip(" \t"))
        if _TOKEN.fullmatch(name) and word is not None:
            found.setdefault(name, word)
    return found


def _word(text: str) -> str | None:
    """A token, or what stands in quotes; None for neither."""
    if not text or _TOKEN.fullmatch(text):
        return text
    quoted = _QUOTED.fullmatch(text)
    return None if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)


def _split(text: str, mark: str) -> Iterator[str]:
    """The parts of `text` between `mark`s that stand in no quotes; one pass, whatever it holds."""
    start, quoted, escaped = 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == mark and not quoted:
            yield text[start:at]
            start = at + 1
    yield text[start:]
