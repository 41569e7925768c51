"""Fewer of a failing sequence: what is left fails still, and without any one of it no longer (delta debugging)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from shop_model.town import JSON, Exchange

T = TypeVar("T")


def shrink(items: Sequence[T], fails: Callable[[Sequence[T]], bool], tries: int = 200) -> list[T]:
    """`items` fail. Leaves out ever smaller pieces as long as the rest fails, at most `tries` times."""
    left = list(items)
    size = max(1, len(left) // 2)
    while left:
        shorter, start = False, 0
        while start < len(left) and tries > 0:
            rest = left[:start] + left[start + size :]
            tries -= 1
            if fails(rest):
                left, shorter = rest, True
            else:
                start += size
        if tries <= 0 or (size == 1 and not shorter):
            return left
        size = max(1, size // 2)
    return left


def about(exchanges: Sequence[Exchange], names: Iterable[str]) -> list[Exchange]:
    """Those that speak of any of these names, and what made the things that they speak of."""
    wanted = set(names)
    chosen = {n for n, each in enumerate(exchanges) if any(name in each.made or name in each.text for name in wanted)}
    while True:
        texts = [exchanges[number].text for number in chosen]
        makers = {n for n, each in enumerate(exchanges) if each.made and any(each.made in text for text in texts)}
        if makers <= chosen:
            return [exchanges[number] for number in sorted(chosen)]
        chosen |= makers


def curls(exchanges: Sequence[Exchange]) -> list[str]:
    """Lines for a shell that send the same; what one makes is a variable in those behind it."""
    lines: list[str] = []
    variables: dict[str, str] = {}
    for number, each in enumerate(exchanges):
        line = curl(each, variables)
        later = [other.text for other in exchanges[number + 1 :]]
        if each.made and each.made not in variables and any(each.made in text for text in later):
            variables[each.made] = f"$ID{len(variables) + 1}"
            line = f'{variables[each.made][1:]}=$({line} | sed \'s/.*"id":"\\([^"]*\\)".*/\\1/\')'
        lines.append(f"{line}  # {each.status}")
    return lines


def curl(exchange: Exchange, variables: dict[str, str]) -> str:
    command = exchange.command

    def quoted(text: str) -> str:
        """In single quotes, but for the variables."""
        found = "'" + text.replace("'", "'\"'\"'") + "'"
        for id in sorted(variables, key=len, reverse=True):
            found = found.replace(id, f"'\"{variables[id]}\"'")
        return found.removesuffix("''") if found != "''" else found

    words = ["curl", "-sS", "-X", command.method, f'"$B{command.door or ""}"{quoted(command.path)}']
    for name, value in (JSON | dict(command.headers)).items():
        words += ["-H", quoted(f"{name}: {value}")]
    if command.body is not None:
        words += ["-d", quoted(json.dumps(command.body, ensure_ascii=False))]
    return " ".join(words)
