"""Bytes of strangers as an answer holds them: JSON, text, or hexadecimal digits. Pure."""

from __future__ import annotations

import msgspec

from shop_core.responses.dead_letters import Content


def content(raw: bytes | None) -> Content | None:
    return None if raw is None else _content(raw)


def _content(raw: bytes) -> Content:
    try:
        return Content(len(raw), json=msgspec.Raw(raw)) if _is_json(raw) else Content(len(raw), text=raw.decode())
    except UnicodeDecodeError:
        return Content(len(raw), hex=raw.hex())


def _is_json(raw: bytes) -> bool:
    """Whether it may stand in an answer as it is: an object or a list, as text is shown as text."""
    if raw[:1] not in (b"{", b"["):
        return False
    try:
        msgspec.json.decode(raw)
        raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
