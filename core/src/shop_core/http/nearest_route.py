"""The route that a wrong address most likely meant: compared segment by segment, since that is how people err."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate

from werkzeug.routing import Rule

MOST_SEGMENTS, LONGEST = 8, 200  # beyond that nobody mistyped a route of ours, and comparing would cost
LEFT_OUT = 0.25  # a segment of the route, as people leave out a prefix or a version
TOO_MANY = 0.8  # a segment that the route has not; or one left out without which a parameter says nothing
ANYTHING = 0.1  # a segment where the route takes any
ANOTHER_METHOD = 0.35
TOO_FAR = 0.5  # of the address's own segments
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def nearest(rules: Iterable[Rule], method: str, path: str) -> str | None:
    """`METHOD /route/{parameter}` of the rule nearest to `path`, one that takes `method` if it can be."""
    asked = segments(path)
    if not asked or len(asked) > MOST_SEGMENTS or len(path) > LONGEST:
        return None
    found = [(distance(asked, segments(rule.rule)), rule) for rule in rules if segments(rule.rule)]
    costs = [(cost + (0 if method in (rule.methods or ()) else ANOTHER_METHOD), rule) for cost, rule in found]
    cost, rule = min(costs, key=lambda each: (each[0], len(each[1].rule)))
    if cost > TOO_FAR * len(asked) + LEFT_OUT:
        return None
    methods = shown_methods(rule.methods or ())
    route = _PARAMETER.sub(r"{\1}", rule.rule)
    return f"{method if method in methods else methods[0]} {route}"


def shown_methods(methods: Iterable[str]) -> list[str]:
    """Those that a route is made for; HEAD and OPTIONS come by themselves."""
    return sorted(set(methods) - {"HEAD", "OPTIONS"})


@lru_cache(maxsize=256)
def segments(path: str) -> tuple[str, ...]:
    return tuple(segment for segment in path.split("/") if segment)


@lru_cache(maxsize=256)
def left_out(route: tuple[str, ...]) -> tuple[float, ...]:
    """What leaving out each segment of a route costs."""
    return tuple(TOO_MANY if "<" in "".join(route[at : at + 2]) else LEFT_OUT for at in range(len(route)))


def distance(asked: tuple[str, ...], route: tuple[str, ...]) -> float:
    """How much has to be changed to make the one of the other, in segments."""
    costs = left_out(route)
    row = list(accumulate(costs, initial=0.0))
    for number, mine in enumerate(asked, start=1):
        before, row = row, [TOO_MANY * number]
        for at, other in enumerate(route):
            row.append(min(before[at] + unlike(mine, other), before[at + 1] + TOO_MANY, row[at] + costs[at]))
    return row[-1]


@lru_cache(maxsize=1024)
def unlike(mine: str, other: str) -> float:
    """0 for the same segment, 1 for one that has nothing of it."""
    if mine == other:
        return 0.0
    if other.startswith("<"):
        return ANYTHING
    compared = SequenceMatcher(None, mine.lower(), other.lower())
    alike = compared.real_quick_ratio() > TOO_FAR and compared.quick_ratio() > TOO_FAR
    return 1 - compared.ratio() if alike else 1.0
