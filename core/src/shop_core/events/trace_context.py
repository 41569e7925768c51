"""Whose doing an event is, in the headers of its record: the id of the request, and W3C trace context by the extension
that CloudEvents has for it.

What strangers send is held to W3C's grammar, which bounds it. What breaks that is ignored, and a trace is begun. The
shop records no spans, so a trace that is under way is handed on as it came.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from shop_core.events.envelope import Headers

PARENT, STATE, REQUEST = "ce_traceparent", "ce_tracestate", "ce_requestid"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MOST_STATE = 512
MOST_MEMBERS = 32
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_NO_TRACE, _NO_SPAN, _NO_VERSION = "0" * 32, "0" * 16, "ff"
_VERSION, _SAMPLED = "00", 1
_LENGTH = 55


def headers_of_request(id: str, parent: str, state: str) -> Headers:
    """What an event carries of a request: its id, and the trace that it said it belongs to, or one that begins here.

    A trace that begins has the request's id, where that is a trace's as well: such an event says it once.
    """
    if (known := read_parent(parent)) is not None:
        told = ((PARENT, known.encode()), (REQUEST, id.encode()))
        return (*told, (STATE, kept.encode())) if (kept := read_state(state)) else told
    trace = id if _TRACE_ID.fullmatch(id) and id != _NO_TRACE else os.urandom(16).hex()
    begun = (PARENT, f"{_VERSION}-{trace}-{os.urandom(8).hex()}-00".encode())
    return (begun,) if trace == id else (begun, (REQUEST, id.encode()))


def read_parent(text: str) -> str | None:
    """A `traceparent` as it may be handed on, None for what is none. Of a later version only what this one knows."""
    found = _PARENT.match(text)
    if found is None or found[2] == _NO_TRACE or found[3] == _NO_SPAN or found[1] == _NO_VERSION:
        return None
    if found[1] == _VERSION:
        return text if len(text) == _LENGTH else None
    if len(text) > _LENGTH and text[_LENGTH] != "-":
        return None
    return f"{_VERSION}-{found[2]}-{found[3]}-{int(found[4], 16) & _SAMPLED:02x}"


def read_state(text: str) -> str:
    """A `tracestate` as it may be handed on; '' for what is none, and for more than whoever hands it on has to."""
    if len(text) > MOST_STATE:
        return ""
    members = [member.strip(" \t") for member in text.split(",")]
    members = [member for member in members if member]
    keys = {member.partition("=")[0] for member in members}
    if len(keys) != len(members) or len(members) > MOST_MEMBERS:
        return ""
    return ",".join(members) if all(map(_MEMBER.fullmatch, members)) else ""


def handed_on(headers: Headers) -> Headers:
    """What follows from an event carries of it: what is well made, since others write to the topics as well."""
    known, found = _texts(headers), []
    if (parent := read_parent(known.get(PARENT, ""))) is not None:
        found.append((PARENT, parent.encode()))
        if state := read_state(known.get(STATE, "")):
            found.append((STATE, state.encode()))
    if REQUEST_ID.fullmatch(known.get(REQUEST, "")):
        found.append((REQUEST, known[REQUEST].encode()))
    return tuple(found)


def trace_of(headers: Headers) -> str | None:
    """The id of the trace that an event belongs to."""
    parent = read_parent(_texts(headers).get(PARENT, ""))
    return None if parent is None else parent.split("-")[1]


def request_of(headers: Headers) -> str | None:
    """The id of the request that an event came by: its trace's, where it names none of its own."""
    known = _texts(headers).get(REQUEST)
    if known is None:
        return trace_of(headers)
    return known if REQUEST_ID.fullmatch(known) else None


def _texts(headers: Headers) -> Mapping[str, str]:
    """Those of the headers that tell of it; what is not ASCII breaks the grammar."""
    told = {name: value or b"" for name, value in headers if name in (PARENT, STATE, REQUEST)}
    return {name: value.decode("ascii", errors="replace") for name, value in told.items()}
