"""What is told of one event's way: ids, times and states. Neither what it says nor of whom."""

from __future__ import annotations

from typing import Literal

import msgspec

EventState = Literal["waiting", "stored", "rejected", "set aside", "skipped"]
StepName = Literal[
    "accepted", "logged", "left the log", "waiting", "stored", "rejected", "set aside", "skipped", "dead letter",
    "sent again", "redriven", "discarded",
]  # fmt: skip


class Step(msgspec.Struct):
    """One step of an event's way. `at` is null where nobody noted the moment; `about` says more in a sentence."""

    name: StepName
    at: str | None
    about: str


class TracedEvent(msgspec.Struct, rename="camel"):
    """One event in the log, by its receipt. `id` is what it is known by; `requestId` and `traceId` tell by what
    it came. `reason` says why it is not stored. `redrivenOf` is the receipt that it had before it was sent again,
    `successor` the one that it got then."""

    receipt: str
    domain: str
    state: EventState
    type: str | None
    id: str | None
    request_id: str | None
    trace_id: str | None
    reason: str | None
    redriven_of: str | None
    successor: str | None
    steps: list[Step]


class LookedAt(msgspec.Struct):
    """How far was looked where no index tells: so many of the newest `events`, and nothing missed `since` then. `whole`
    where that is all that the log holds; `unread` are partitions that can't be read."""

    events: int
    since: str | None
    whole: bool
    unread: list[str]


class Trace(msgspec.Struct, rename="camel"):
    """The events that were found, oldest first. By receipt: one, with what it was sent again for and as; by another id
    at most twenty, and `more` that are not shown."""

    events: list[TracedEvent]
    more: int
    looked_at: LookedAt | None
