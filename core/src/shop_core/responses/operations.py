"""What cm-ops answers: what came in, what became of it, and who works on it. By offsets, so that no restart forgets."""

from __future__ import annotations

from typing import Literal

import msgspec


class Balance(msgspec.Struct, rename="camel"):
    """`accepted` is every event that the log has or had; the others say what became of it. `gone` left the log before
    it was read, `skipped` a person told the consumers to go past, `moved` was passed by who does not count.
    `difference` is what is left over: other than 0, an event was lost or the program is wrong."""

    accepted: int
    stored: int
    duplicate: int
    rejected: int
    waiting: int
    gone: int
    skipped: int
    moved: int
    difference: int


class PartitionState(msgspec.Struct, rename="camel"):
    """One partition: the next offset to be stored, the log's end, and which member reads it; `hot` where it alone holds
    most of a lag that is worth it, `unreadable` says why it can't be read on."""

    partition: int
    position: int
    end: int
    waiting: int
    member: str | None
    hot: bool
    unreadable: str | None


class Rates(msgspec.Struct, rename="camel"):
    """Events a second of the last seconds, in and out; `drain_seconds` is when nothing waits any more, null where that
    is not in sight."""

    accepted: float
    applied: float
    drain_seconds: float | None


class DomainState(msgspec.Struct, rename="camel"):
    """One domain. `rates` is null until there are two looks to compare."""

    name: str
    topic: str
    group: str
    state: Literal["calm", "busy", "growing", "stopped", "stuck"]
    members: list[str]
    balance: Balance
    rates: Rates | None
    partitions: list[PartitionState]


class OpsSnapshot(msgspec.Struct, rename="camel"):
    """All of them at one moment, and their balances added up."""

    as_of: str
    balance: Balance
    domains: list[DomainState]


class Sample(msgspec.Struct, rename="camel"):
    """A moment of a domain: everything accepted and dealt with until then, and what waited."""

    at: str
    accepted: int
    applied: int
    waiting: int


class OpsHistory(msgspec.Struct, rename="camel"):
    """The last quarter of an hour by domain, as far as cm-ops has run; one sample every `step_seconds`."""

    step_seconds: int
    domains: dict[str, list[Sample]]
