"""How a domain's read models are held against its log: what its events say there has to be, what the store shows, and
what is kept added up. Each domain says it in its `audit.py`, by rules of its own: a check that shared the projection's
code would share its mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from cm_api.notebook import Fields, Notebook, kept
from cm_api.settings import ConsumerSettings
from shop_core.events.envelope import Event
from shop_core.mongo.client import ClientSession, Database, Document

S = TypeVar("S")
Fault = Literal["lost", "doubled", "changed", "ghost", "wrong"]
FAULTS: tuple[Fault, ...] = ("lost", "doubled", "changed", "ghost", "wrong")


@dataclass(frozen=True)
class Finding:
    """One fault. `ghost` is there although no event says so, `wrong` is a sum that isn't that of its parts."""

    kind: Fault
    about: str


@dataclass(frozen=True)
class Recounted:
    """One piece of a recount: what is wrong in it, how many sums were looked at, and after which id the next one
    begins, None at the end."""

    findings: Sequence[Finding]
    looked: int
    following: str | None


def every_command(event: Event) -> bool:
    return True


def for_good(settings: ConsumerSettings) -> int | None:
    return None


def nothing_to_recount(store: Any, after: str) -> Recounted:
    return Recounted((), 0, None)


@dataclass(frozen=True, kw_only=True)
class Audit(Generic[S]):
    """`fold` notes what an event makes, once it is known to have been applied. Of each of `kinds`, `shown` tells what
    some ids show (only those that are there), and `every` each id that is there. `recount` takes the sums whose ids
    come after one, in the transaction of the store.

    `remembers` tells the events whose ids are kept, for `kept_days`. `adds_up`: what is shown comes from all events, so
    that nothing can be said of it where the log has lost its beginning.
    """

    store: Callable[[Database[Document], ClientSession | None], S]
    fold: Callable[[Notebook, Event], None]
    kinds: tuple[str, ...]
    shown: Callable[[S, str, Sequence[str]], dict[str, Fields]]
    every: Callable[[S, str], Iterator[str]]
    recount: Callable[[S, str], Recounted] = nothing_to_recount
    remembers: Callable[[Event], bool] = every_command
    kept_days: Callable[[ConsumerSettings], int | None] = for_good
    adds_up: bool = False


def differing(told: Fields, shown: Fields) -> list[str]:
    """The names of the fields that differ between notebook and store: their values may be a person's."""
    return sorted(name for name in {*told, *shown} if told.get(name) != kept(shown.get(name)))
