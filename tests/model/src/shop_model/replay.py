"""The requests of a run again, in another town, one after the other: whether the shop goes wrong by them alone.

What is wrong is often so between two partitions, so everybody and everything is in the partition that it was in before.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from shop_model.log import partition_of
from shop_model.shrink import about, curls, shrink
from shop_model.town import FOUNDED, Command, Exchange, Town
from shop_model.trouble import CONSUMERS, held

TRIES = 80
LOOKS = 60  # for something new in the right one of twelve partitions: one in 200 is not found
HELD = {0: "", **{n: f", all sent while the consumers with number {n} are held (kill -STOP)" for n in (1, CONSUMERS)}}


def again(town: Town, exchanges: Sequence[Exchange], fresh: Town) -> None:
    """Nobody waits, since consumers may be held; what is spoken of and was not made again is not there."""
    users = {user: namesake(user, town, fresh) for user in town.users}
    fresh.users = list(users.values())
    names = users | {town.tag: fresh.tag} | {each.made: unknown(each.made) for each in town.exchanges if each.made}
    for each in exchanges:
        unwaited = tuple(header for header in each.command.headers if header[0] != "Prefer")
        done = sent_alike(fresh, replace(each.command, headers=unwaited).renamed(names), each)
        if each.made and done.made:
            names[each.made] = done.made


def namesake(user: str, town: Town, fresh: Town) -> str:
    """A user of the other town whose own events are in the same partition."""
    names = (f"{user.replace(town.tag, fresh.tag)}.{number}" for number in count())
    return next(name for name in names if partition_of(name) == partition_of(user))


def sent_alike(fresh: Town, command: Command, before: Exchange) -> Exchange:
    """The shop names what it makes: where that chooses a partition, until it is the one of before."""
    done = fresh.send(command)
    chosen = command.path in FOUNDED and not any(name == "Idempotency-Key" for name, _ in command.headers)
    for _ in range(LOOKS if chosen and before.partition is not None else 0):
        if done.partition in (before.partition, None):
            break
        done = fresh.send(command)
    return done


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
