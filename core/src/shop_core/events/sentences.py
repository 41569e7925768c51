"""What is expected of a value, as a clause for people: made from its type and that type's limits."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from msgspec import inspect

from shop_core.events.instants import EXPECTED, Instant

LONGEST_SHOWN = 80  # characters of a name that nobody knows


def expected(type_: Any) -> str:
    """`must be …`, as of a field that got something else."""
    return EXPECTED if _is_instant(inspect.type_info(type_)) else f"must be {_noun(inspect.type_info(type_))}"


def unknown(name: str, known: Iterable[str]) -> str:
    """Of a field that nobody knows: whether it looks like one that is not there."""
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name[:LONGEST_SHOWN].lower(), by_lower, 1, cutoff=0.75)
    return "is not a known field" + (f"; did you mean {by_lower[close[0]]}?" if close else "")


def is_text(type_: Any) -> bool:
    """Whether values of the type are strings, or lists of them."""
    info = _bare(inspect.type_info(type_))
    return isinstance(_bare(info.item_type) if isinstance(info, inspect.ListType) else info, inspect.StrType)


def _bare(info: inspect.Type) -> inspect.Type:
    """The type below its description; of several the first, since the others are null or left out."""
    if isinstance(info, inspect.Metadata):
        return _bare(info.type)
    if isinstance(info, inspect.UnionType):
        given = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        return _bare(given[0]) if len(given) == 1 else info
    return info


def _is_instant(info: inspect.Type) -> bool:
    bare = _bare(info)
    return isinstance(bare, inspect.CustomType) and bare.cls is Instant


def _noun(info: inspect.Type) -> str:
    bare = _bare(info)
    if isinstance(bare, inspect.StrType):
        return f"a string{_size(bare.min_length, bare.max_length, 'characters')}"
    if isinstance(bare, inspect.IntType):
        return f"a whole number{_range(bare.ge, bare.le)}"
    if isinstance(bare, inspect.FloatType):
        return f"a number{_range(bare.ge, bare.le)}"
    if isinstance(bare, inspect.ListType):
        return f"a list{_size(bare.min_length, bare.max_length, 'items')}, each {_noun(bare.item_type)}"
    if isinstance(bare, inspect.LiteralType):
        return f"one of {', '.join(map(str, bare.values))}"
    return "of another type"


def _size(low: int | None, high: int | None, what: str) -> str:
    if high is None:
        return ""
    return f" of {low} to {high} {what}" if low else f" of at most {high} {what}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" from {low} to {high}"
