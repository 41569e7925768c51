"""Walks a CRD's schema: every field that somebody can say, by its path, and how another value of it is said."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]
Path = tuple[str, ...]
ITEM = "[]"
# Where a value with a digit more would be none.
OTHERS = {
    "drainWithin": "31s",
    "maxDelay": "31s",
    "until": "2031-01-01T00:00:00Z",
    "consumers.[]": "purchases",
    "ipFamilies.[]": "IPv6",
    "proxyNetworks.[]": "10.43.0.0/16",
    "sourceRanges.[]": "192.0.3.0/24",
}


def leaves(rule: Manifest, path: Path = ()) -> Iterator[tuple[Path, Manifest]]:
    """Each field that holds a value rather than fields; items of a list are `[]`, free names are `*`."""
    if "properties" in rule:
        for name, inner in rule["properties"].items():
            yield from leaves(inner, (*path, name))
    elif "items" in rule:
        yield from leaves(rule["items"], (*path, ITEM))
    elif "additionalProperties" in rule:
        yield from leaves(rule["additionalProperties"], (*path, "*"))
    else:
        yield path, rule


def has(value: Any, path: Path) -> bool:
    """Does a value say this field?"""
    if not path:
        return True
    head, *rest = path
    if head == ITEM:
        return isinstance(value, list) and any(has(each, tuple(rest)) for each in value)
    if head == "*":
        return isinstance(value, dict) and any(has(each, tuple(rest)) for each in value.values())
    return isinstance(value, dict) and head in value and has(value[head], tuple(rest))


def changed(value: Any, path: Path, rule: Manifest) -> Any:
    """The same with another value of this field, where it is said first."""
    made = copy.deepcopy(value)
    place, key = _place(made, path)
    place[key] = OTHERS.get(path[-1]) or OTHERS.get(".".join(path[-2:])) or _other(place[key], rule)
    return made


def _place(value: Any, path: Path) -> tuple[Any, Any]:
    """The object or list that holds the field, and its name or number there."""
    head, *rest = path
    if head == ITEM:
        keys: list[Any] = [n for n, each in enumerate(value) if has(each, tuple(rest))]
    elif head == "*":
        keys = [name for name, each in value.items() if has(each, tuple(rest))]
    else:
        keys = [head]
    return _place(value[keys[0]], tuple(rest)) if rest else (value, keys[0])


def _other(value: Any, rule: Manifest) -> Any:
    if "enum" in rule:
        return next(each for each in rule["enum"] if each != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1 if value == rule.get("maximum") else value + 1
    return f"{value}1"
