"""What applying a batch came to; the one type that every domain's projection answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A data fault of one event: its receipt, the reason for people, and the HTTP status that says the same."""

    receipt: str
    reason: str
    status: int = 422


@dataclass(frozen=True)
class Outcome:
    """Events of one batch by what became of them."""

    applied: int
    duplicates: int
    refused: Sequence[Refusal]
