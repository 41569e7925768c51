"""The requests of a run again, in another town, one after the other: whether the shop goes wrong by them alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from shop_model.shrink import about, curls, shrink
from shop_model.town import Exchange, Town
from shop_model.trouble import CONSUMERS, held

TRIES = 80
HELD = {0: "", **{n: f", all sent while the consumers with number {n} are held (kill -STOP)" for n in (1, CONSUMERS)}}


def again(town: Town, exchanges: Sequence[Exchange], fresh: Town) -> None:
    """Nobody waits, since consumers may be held; what is spoken of and was not made again is not there."""
    names = {town.tag: fresh.tag} | {each.made: unknown(each.made) for each in town.exchanges if each.made}
    for each in exchanges:
        unwaited = tuple(header for header in each.command.headers if header[0] != "Prefer")
        done = fresh.send(replace(each.command, headers=unwaited).renamed(names))
        if each.made and done.made:
            names[each.made] = done.made


def unknown(id: str) -> str:
    """One of the same form, which is nothing's."""
    return ".".join(str(uuid.uuid4()) for _ in id.split("."))


def smallest(platform: Any, town: Town, found: Sequence[str], check: Callable[[Town], list[str]]) -> str:
    """The fewest requests that still end in differences, as curl lines; `check` tells those of a town."""

    def fails(number: int, exchanges: Sequence[Exchange]) -> bool:
        fresh = Town(town.doors)
        with held(platform, number):
            again(town, exchanges, fresh)
        return bool(check(fresh))

    known = [*town.users, *(each.made for each in town.exchanges if each.made)]
    suspects = about(town.exchanges, [name for name in known if any(name in line for line in found)])
    if fails(0, ()):
        return "It is wrong whatever is sent, so that nothing can be left out."
    for number, how in HELD.items():
        for sequence in (suspects, town.exchanges):
            if sequence and fails(number, sequence):
                left = shrink(sequence, partial(fails, number), TRIES)
                return "\n".join([f"The same by these alone{how}:", *curls(left)])
    return "\n".join(["Sent one after the other it holds. What was sent about it:", *curls(suspects[-30:])])
