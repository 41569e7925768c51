"""How letters are printed: a line each, one whole, as JSON, or only the bytes of one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from shop_core.dead_letters.letters import Letter
from shop_core.errors import ConfigError
from shopctl.status import table
from shopctl.terminal import cut, escaped, shown

MOST_SHOWN = 20_000  # characters of a value on a terminal
COLUMNS = ("RECEIPT", "TIME", "TYPE", "KEY", "COUNT", "REASON")


def row_of(letter: Letter) -> tuple[str, ...]:
    key = cut(shown(letter.message.key), 40)
    kind = cut(escaped(letter.event_type), 60) or "-"
    return (
        escaped(letter.source),
        escaped(letter.time)[:19] or "-",
        kind,
        key,
        str(letter.count),
        escaped(letter.reason),
    )


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table: aligned for a person, with tabs for a program."""
    if sys.stdout.isatty():
        return table(COLUMNS, rows)
    return ["\t".join(row) for row in (COLUMNS, *rows)]


def as_object(letter: Letter, resolution: str | None) -> dict[str, Any]:
    """A stable shape for scripts."""
    key = letter.message.key
    return {
        "receipt": letter.source,
        "domain": letter.domain.name,
        "reason": letter.reason,
        "resolution": resolution,
        "time": letter.time or None,
        "type": letter.event_type or None,
        "key": None if key is None else key.decode(errors="backslashreplace"),
        "count": letter.count,
        "class": letter.kind or None,
        "cut": sorted(letter.cut),
    }


def print_letter(letter: Letter) -> None:
    """Where it is from, why it was refused, its headers, key and value."""
    message = letter.message
    print(f"receipt:  {escaped(letter.source)}\nreason:   {escaped(letter.reason)}")
    if letter.kind:
        print(f"class:    {escaped(letter.kind)}")
    for part, kept in letter.cut.items():
        print(f"cut:      {escaped(part)}: {escaped(kept)}")
    print(f"key:      {shown(message.key)}")
    for name, value in message.headers:
        print(f"header:   {escaped(name)} = {shown(value)}")
    text = shown(message.value)
    if sys.stdout.isatty() and len(text) > MOST_SHOWN:
        text = cut(text, MOST_SHOWN) + f" ({len(message.value or b'')} bytes; --value > FILE has all)"
    print(f"value:    {text}")


def write_value(letter: Letter) -> int:
    """The bytes as they are, so never to a terminal."""
    value = letter.message.value
    if sys.stdout.isatty():
        raise ConfigError("--value writes bytes as they are: send them to a file, as in `--value > letter.json`.")
    if value is None:
        raise ConfigError(f"{letter.source} has no value.")
    sys.stdout.buffer.write(value)
    return 0
