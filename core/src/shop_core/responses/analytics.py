"""What the analytics queries answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec


class Counts(msgspec.Struct, rename="camel"):
    """One hour or day that begins at `start` (UTC): how many users, clicks and impressions."""

    start: str
    unique_users: int
    clicks: int
    impressions: int


class Series(msgspec.Struct, rename="camel"):
    """Every hour or day from `from` until before `to`, those without events as well."""

    step: Literal["hour", "day"]
    from_: str = msgspec.field(name="from")
    to: str
    series: list[Counts]


def as_text(counts: Counts) -> str:
    """An hour as lines of name and number."""
    return f"unique_users,{counts.unique_users}\nclicks,{counts.clicks}\nimpressions,{counts.impressions}"


def as_csv(series: Iterable[Counts]) -> str:
    """A head, and a line for each hour or day (RFC 4180, but for the ends of the lines)."""
    lines = ["start,unique_users,clicks,impressions"]
    lines += [f"{each.start},{each.unique_users},{each.clicks},{each.impressions}" for each in series]
    return "\n".join(lines) + "\n"
