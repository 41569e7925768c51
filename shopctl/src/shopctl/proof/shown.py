"""What the platform shows in the end, whoever read it: the other half of a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from shopctl.proof.history import Content, Kind


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is stored under `id`; `place` is the client's own name of it, as the thing tells it."""

    kind: Kind
    id: str
    place: str
    content: Content


@dataclass(frozen=True, slots=True)
class Total:
    """A user's purchases in sum."""

    count: int
    spent: Decimal


@dataclass(frozen=True, slots=True)
class Rating:
    """A product's: how many gave each number of stars, and the average to two decimals."""

    stars: tuple[int, int, int, int, int]
    average: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """An hour's interactions."""

    users: int = 0
    clicks: int = 0
    impressions: int = 0


@dataclass
class Shown:
    """Things, and aggregates by user, product id and hour (its start in milliseconds); the receipts that consumers
    refused."""

    things: list[Thing] = field(default_factory=list)
    totals: dict[str, Total] = field(default_factory=dict)
    ratings: dict[str, Rating] = field(default_factory=dict)
    hours: dict[int, Counts] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
