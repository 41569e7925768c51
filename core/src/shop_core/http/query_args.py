"""Reads the query arguments of a request. Whatever is wrong with them is told at once, each by its name (400)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import request

from shop_core.errors import Faults, FieldFault, MalformedRequest
from shop_core.events.instants import Instant, parse_instant
from shop_core.events.sentences import LONGEST_SHOWN

DEFAULT_LIMIT, MAX_LIMIT = 50, 200


def read(known: Sequence[str], *readers: Callable[[], Any]) -> list[Any]:
    """What each of `readers` gives; every fault of them at once, and every argument that is not `known`."""
    faults = Faults()
    faults.read(refuse_unknown, *known)
    found = [faults.read(each) for each in readers]
    faults.settle(MalformedRequest)
    return found


def refuse_unknown(*known: str) -> None:
    """A misspelt query argument is an error, not ignored."""
    about = "is not known here" + (f", expected {', '.join(known)}" if known else "")
    unknown = [FieldFault(name[:LONGEST_SHOWN], about) for name in request.args if name not in known]
    if unknown:
        raise MalformedRequest(*unknown)


def limit_arg() -> int:
    """How many things a page may have."""
    return whole_arg("limit", 1, MAX_LIMIT) or DEFAULT_LIMIT


def choice_arg(name: str, choices: Iterable[str], default: str) -> str:
    """One of `choices`."""
    text = request.args.get(name, default)
    if text not in choices:
        raise MalformedRequest(FieldFault(name, f"must be one of {', '.join(choices)}"))
    return text


def whole_arg(name: str, low: int, high: int) -> int | None:
    """A number within these bounds; None where it is not asked for."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise MalformedRequest(FieldFault(name, f"must be a whole number from {low} to {high}"))
    return int(text)


def instant_arg(name: str) -> Instant | None:
    """A moment by RFC 3339; None where it is not asked for."""
    text = request.args.get(name)
    return None if text is None else parse_instant(name, text, error=MalformedRequest)
