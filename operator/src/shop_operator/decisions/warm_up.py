"""Warm-up: more pods at least, from some minutes before a campaign starts until it ends. Pure.

A Shop's look decides by the campaigns that cm-api has told last, and gives its ShopConsumers their part with the moment
at which it ends. So a consumer cools down by itself, whoever is away by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Manifest = dict[str, Any]
UNSEEN_AFTER = 3
_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Campaign:
    """A campaign as cm-api tells it."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Told:
    """What cm-api has told of the campaigns: those it named last (None: it never did), and how often in a row it has
    failed since, with the last failure's sentence."""

    campaigns: tuple[Campaign, ...] | None = None
    failures: int = 0
    trouble: str = ""

    @property
    def unseen(self) -> bool:
        """Away for longer than a restart takes."""
        return self.failures >= UNSEEN_AFTER


def decide(asked: Manifest | None, told: Told, before: Manifest | None, now: datetime) -> Manifest | None:
    """The Shop's `status.warmUp`: for the warm campaign that ends last, until its end; None while nothing is warm.

    `before` is that status as it was; it holds on until its end where nothing has been told.
    """
    if asked is None:
        return None
    if told.campaigns is None:
        if before is None or not now < instant(before["until"]):
            return None
        campaign, until = before["campaign"], before["until"]
    else:
        warm = [each for each in told.campaigns if each.start - lead(asked) <= now < each.end]
        if not warm:
            return None
        last = max(warm, key=lambda each: (each.end, each.name))
        campaign, until = last.name, last.end.strftime(_FORM)
    return {
        "campaign": campaign,
        "until": until,
        "extraReplicas": asked["extraReplicas"],
        "consumers": sorted(asked["consumers"]),
    }


def lead(asked: Manifest) -> timedelta:
    """How long before its start a campaign is warm."""
    return timedelta(minutes=asked["minutesBefore"])


def extra(spec: Manifest, now: datetime) -> int:
    """How many pods more than `minReplicas` a ShopConsumer has at least now."""
    said = spec.get("warmUp")
    return int(said["extraReplicas"]) if said and now < instant(said["until"]) else 0


def part_of(warm: Manifest | None, domain: str) -> Manifest | None:
    """What one ShopConsumer is told of the warm-up, None for one that has no part in it."""
    if warm is None or domain not in warm["consumers"]:
        return None
    return {name: warm[name] for name in ("campaign", "extraReplicas", "until")}


def news(before: Manifest | None, after: Manifest | None) -> tuple[str, str] | None:
    """Reason and message of the Event where a warm-up begins or ends."""
    if before is None and after is not None:
        return "WarmUpStarted", f"{_pods(after)} for campaign {after['campaign']!r} until {after['until']}."
    if before is not None and after is None:
        return (
            "WarmUpEnded",
            f"No campaign is warm any more; last was {before['campaign']!r}: {_whom(before)} as before.",
        )
    return None


def instant(text: str) -> datetime:
    """A moment as the API server or cm-api has it; one without a zone is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def campaigns_of(items: Sequence[Manifest]) -> list[Campaign]:
    """The items of an answer of cm-api."""
    return [Campaign(each["name"], instant(each["startDate"]), instant(each["endDate"])) for each in items]


def _whom(warm: Manifest) -> str:
    return ", ".join(warm["consumers"])


def _pods(warm: Manifest) -> str:
    count = warm["extraReplicas"]
    return f"{count} pod{'' if count == 1 else 's'} more at least for {_whom(warm)},"
