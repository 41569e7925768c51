"""The shapes of answers that cm-api gives and cm-server describes: one module a domain, and what all share."""

from __future__ import annotations

from typing import Literal

import msgspec


class CommandAnswer(msgspec.Struct):
    """The answer to a command: what it is about, and where to ask what became of it."""

    id: str
    receipt: str
    state: str


class ReceiptState(msgspec.Struct):
    """What became of a command; `status` is the HTTP status that says the same."""

    receipt: str
    state: Literal["accepted", "stored", "rejected"]
    reason: str | None
    status: int


class Dependency(msgspec.Struct):
    """Whether one answers, and what kind of fault there is; `circuit`, where it has one: open while it is not asked."""

    ok: bool
    detail: str
    circuit: Literal["closed", "half-open", "open"] | msgspec.UnsetType = msgspec.UNSET


class Readiness(msgspec.Struct):
    """Whether each dependency answers, by name."""

    ready: bool
    dependencies: dict[str, Dependency]
