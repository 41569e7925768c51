"""What the shop says of campaigns and events, in every list at many moments, against what the rules give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shop_model.campaigns import Campaigns, Planned, boundaries, listed, moment_in
from shop_model.views import Ask, differs, pages

WHEN = ("live", "upcoming", "ended")
MOMENTS = 4


def of_campaigns(ask: Ask, model: Campaigns, ids: Collection[str]) -> Iterator[str]:
    """Of each campaign of `ids`: itself, its events, and where they are in the lists of all."""
    kinds = (("/campaign-events", "campaigns", model.campaigns), ("/events", "events", model.events))
    for path, name, planned in kinds:
        lists = Lists(ask, path, name, list(planned.values()), ids)
        yield from lists.all()
        for at in moments(lists.own):
            yield from lists.at(at)
        yield from lists.now()
        if not any(lists.all(of_all=True)):  # where others' are wrong, so is this
            yield from lists.changes()
    for id in ids:
        yield from of_one(ask, f"/campaign-events/{id}", model.campaigns.get(id))
        told = [shown(each) for each in pages(ask, f"/campaign-events/{id}/events", "events")]
        inside = listed(model.inside(id), "all", datetime.now(UTC))
        yield from differs(f"events of campaign {id}", told, [expected(each) for each in inside])


def of_one(ask: Ask, path: str, planned: Planned | None) -> Iterator[str]:
    status, said = ask(path)
    yield from differs(path, shown(said) if status == 200 else status, expected(planned) if planned else 404)


@dataclass
class Lists:
    """Those of campaigns, or of events; `ids` are the campaigns that count."""

    ask: Ask
    path: str
    name: str
    every: list[Planned]
    ids: Collection[str]

    @property
    def own(self) -> list[Planned]:
        return [each for each in self.every if campaign_of(each.id) in self.ids]

    def all(self, *, of_all: bool = False) -> Iterator[str]:
        told = [shown(each) for each in pages(self.ask, f"{self.path}/", self.name)]
        counting = [each for each in told if of_all or campaign_of(each[0]) in self.ids]
        every = listed(self.every if of_all else self.own, "all", datetime.now(UTC))
        yield from differs(f"all {self.name}", counting, [expected(each) for each in every])

    def at(self, at: datetime) -> Iterator[str]:
        for when in WHEN:
            told = self._ids(when, at=at.isoformat())
            yield from differs(f"{self.name} {when} at {at}", told, [each.id for each in listed(self.own, when, at)])

    def now(self) -> Iterator[str]:
        for when in WHEN:
            at, told = self._undisturbed(partial(self._ids, when))
            yield from differs(f"{self.name} {when} now", told, [each.id for each in listed(self.own, when, at)])

    def changes(self) -> Iterator[str]:
        """The next moment at which the live list is another one."""
        at, (_, page) = self._undisturbed(lambda: self.ask(f"{self.path}/live?limit=1"))
        next_ = next((each for each in boundaries(self.every) if each > at), None)
        told = None if page["changes"] is None else moment_in(page["changes"])
        yield from differs(f"when the live {self.name} change", told, next_)

    def _ids(self, when: str, **query: str) -> list[str]:
        found = pages(self.ask, f"{self.path}/{when}", self.name, **query)
        return [each["id"] for each in found if campaign_of(each["id"]) in self.ids]

    def _undisturbed(self, look: Callable[[], Any]) -> tuple[datetime, Any]:
        """What it finds, and a moment as of which that is so, since nothing began or ended meanwhile."""
        while True:
            before = datetime.now(UTC)
            found = look()
            after = datetime.now(UTC)
            if not any(before < each <= after for each in boundaries(self.every)):
                return before, found


def campaign_of(id: str) -> str:
    """An event's id begins with its campaign's."""
    return id.partition(".")[0]


def moments(every: list[Planned]) -> Iterator[datetime]:
    """The first and last moments of a few, and those right before: a start is within, an end is not."""
    found = boundaries(every)
    for at in found[:: max(1, len(found) // MOMENTS)]:
        yield from (at - timedelta(milliseconds=1), at)


def shown(said: dict[str, Any]) -> tuple[str, ...]:
    return (said["id"], said["name"], said["startDate"], said["endDate"], said.get("campaignEventId", ""))


def expected(planned: Planned) -> tuple[str, ...]:
    return (planned.id, *(planned.data[name] for name in ("name", "startDate", "endDate")), planned.inside)
