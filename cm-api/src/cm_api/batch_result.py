"""What applying a batch came to; the one type that every domain's projection answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shop_core.events.envelope import Event

# `invalid` breaks a rule, `not_found` needs what is gone, something stands against a `conflict`; `failed` is our fault.
Code = Literal["invalid", "not_found", "conflict", "failed"]


@dataclass(frozen=True)
class Refusal:
    """Why one event is not applied: its receipt, the reason for people, and its `code` for programs.

    `kind` says whose fault it is: `rejected` is the event's own, `permanent` the database's, `fault` the program's.
    """

    receipt: str
    reason: str
    code: Code = "invalid"
    kind: Literal["rejected", "permanent", "fault"] = "rejected"


class Refused(Exception):
    """One event breaks a rule of its domain."""

    def __init__(self, reason: str, code: Code = "invalid") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


@dataclass(frozen=True)
class Derived:
    """An event for other services that follows from this one: stored in the transaction, sent after it.

    `sequence` counts up by `key`; `receipt` is the source's, whose partition tells who sends it.
    """

    topic: str
    type: str
    key: str
    sequence: int
    data: Any
    receipt: str


@dataclass(frozen=True)
class Outcome:
    """Events of one batch by what became of them; `repeated` are the receipts of those that were known, `changed` the
    keys of the read models that look different.

    `late` counts the applied events that changed what had been settled; `erased` are the erasures that held.
    """

    applied: int
    repeated: Sequence[str]
    refused: Sequence[Refusal]
    derived: Sequence[Derived] = ()
    changed: frozenset[str] = field(default_factory=frozenset)
    late: int = 0
    erased: Sequence[Event] = ()

    @property
    def duplicates(self) -> int:
        return len(self.repeated)


def added(outcomes: Sequence[Outcome]) -> Outcome:
    """What the parts of a batch came to in all; of what follows from it, the newest of each key is told."""
    newest = {(derived.topic, derived.key): derived for each in outcomes for derived in each.derived}
    return Outcome(
        sum(each.applied for each in outcomes),
        [receipt for each in outcomes for receipt in each.repeated],
        [refusal for each in outcomes for refusal in each.refused],
        list(newest.values()),
        frozenset().union(*(each.changed for each in outcomes)),
        sum(each.late for each in outcomes),
        [event for each in outcomes for event in each.erased],
    )


class Hooks(Protocol):
    """What a domain does around the commit of a batch. Neither may raise: a batch never waits for it."""

    def about_to_commit(self, outcome: Outcome) -> None:
        """Inside the transaction, after everything was written."""

    def committed(self, outcome: Outcome) -> None:
        """The batch is stored."""

    def swapped(self) -> None:
        """A rebuild took over: whatever was known may look different."""


class NoHooks:
    """Most domains have nothing to do there."""

    def about_to_commit(self, outcome: Outcome) -> None:
        """Nothing."""

    def committed(self, outcome: Outcome) -> None:
        """Nothing."""

    def swapped(self) -> None:
        """Nothing."""
