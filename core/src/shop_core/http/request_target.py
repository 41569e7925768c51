"""The target of a request (RFC 9112 §3.2), in whichever legal form it came, as one path and one query.

WSGI decodes a path before it is routed and loses which slashes were part of a name; bytes beyond ASCII may come raw or
percent-encoded. Here both are settled once, so that what is routed, authorised and passed on is the same.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

SLASH = "\x1f"  # stands for an encoded slash inside one path segment; no name holds a control character
_ABSOLUTE = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[^/?#\\]+")
_NEVER = re.compile(r"[\x00-\x20\x7f#]")  # none of them is part of a target, not even of a sloppy one
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")  # stands for itself, as everybody reads it
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class BadTarget(ValueError):
    """A target that is none; the words say why."""


def read_target(raw: str) -> tuple[str, str]:
    """PATH_INFO and QUERY_STRING as WSGI has them (bytes as latin-1) of the target `raw`; raises `BadTarget`."""
    if _NEVER.search(raw):
        raise BadTarget("The address holds a character that must be percent-encoded.")
    if raw == "*":
        return "*", ""
    if not raw.startswith("/"):
        origin = _ABSOLUTE.match(raw)
        if origin is None:
            raise BadTarget("The address is neither a path nor an http:// address.")
        raw = raw[origin.end() :]
    path, _, query = raw.partition("?")
    return _path(path), _query(query)


def _path(path: str) -> str:
    if "%" not in path and path.isascii():
        return "/" + path.lstrip("/")
    # A control character that came so may not pass for a slash: as another one it is refused where names are checked.
    plain = re.sub("%1f", "%00", path, flags=re.IGNORECASE)
    decoded = unquote_to_bytes(re.sub("%2f", "%1F", plain, flags=re.IGNORECASE).encode("latin-1"))
    _check(decoded)
    return "/" + decoded.decode("latin-1").lstrip("/")


def _query(query: str) -> str:
    if "%" not in query and query.isascii():
        return query
    raw = _STRAY.sub("%25", query).encode("latin-1")
    _check(unquote_to_bytes(raw))
    return quote(raw, safe=_ASCII)


def _check(decoded: bytes) -> None:
    try:
        decoded.decode()
    except UnicodeDecodeError:
        raise BadTarget("The address is not valid UTF-8.") from None
