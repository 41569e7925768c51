"""Campaigns and the events inside them, by docs/concepts/campaigns-and-analytics.md; and what is live at a moment.

They know no persons, so nobody is erased here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shop_model.log import Record
from shop_model.rules import Domain, Refused

DATES = ("startDate", "endDate")


def moment_in(text: str) -> datetime:
    """A date as an answer or the log tells it; dates of campaigns are kept to the millisecond."""
    at = datetime.fromisoformat(text)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Planned:
    """A campaign, or an event of the campaign `inside`: live from its start until before its end."""

    id: str
    data: Mapping[str, str]
    inside: str = ""

    @property
    def start(self) -> datetime:
        return moment_in(self.data["startDate"])

    @property
    def end(self) -> datetime:
        return moment_in(self.data["endDate"])

    def changed(self, data: Mapping[str, str]) -> Planned:
        """With the fields that are named; the two dates may be out of order only together."""
        after = Planned(self.id, {**self.data, **looks(data)}, self.inside)
        if not after.start < after.end:
            raise Refused(422)
        return after

    def contains(self, other: Planned) -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass
class Campaigns(Domain):
    """Both by their ids. What a campaign holds is in its own partition."""

    campaigns: dict[str, Planned] = field(default_factory=dict)
    events: dict[str, Planned] = field(default_factory=dict)

    def do(self, record: Record) -> None:
        what, data = ".".join(record.type.split(".")[1:3]), record.data
        acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "campaign.created": self._plan, "campaign.changed": self._change, "campaign.deleted": self._call_off,
            "campaign-event.created": self._plan_event, "campaign-event.changed": self._change_event,
            "campaign-event.deleted": self._call_event_off,
        }  # fmt: skip
        acts[what](data)

    def inside(self, campaign: str) -> list[Planned]:
        return [each for each in self.events.values() if each.inside == campaign]

    def _plan(self, data: dict[str, Any]) -> None:
        if data["campaignid"] in self.campaigns:
            raise Refused(409)
        self.campaigns[data["campaignid"]] = Planned(data["campaignid"], looks(data))

    def _change(self, data: dict[str, Any]) -> None:
        after = known(self.campaigns, data["campaignid"], 404).changed(data)
        if not all(after.contains(each) for each in self.inside(after.id)):
            raise Refused(409)
        self.campaigns[after.id] = after

    def _call_off(self, data: dict[str, Any]) -> None:
        del self.campaigns[known(self.campaigns, data["campaignid"], 404).id]
        for each in self.inside(data["campaignid"]):
            del self.events[each.id]

    def _plan_event(self, data: dict[str, Any]) -> None:
        if data["eventid"] in self.events:
            raise Refused(409)
        self._put(Planned(data["eventid"], looks(data), data["campaignid"]))

    def _change_event(self, data: dict[str, Any]) -> None:
        self._put(known(self.events, data["eventid"], 404).changed(data))

    def _call_event_off(self, data: dict[str, Any]) -> None:
        del self.events[known(self.events, data["eventid"], 404).id]

    def _put(self, event: Planned) -> None:
        """Inside its campaign, and under a name of its own there."""
        if not known(self.campaigns, event.inside, 422).contains(event):
            raise Refused(422)
        others = [each for each in self.inside(event.inside) if each.id != event.id]
        if any(each.data["name"] == event.data["name"] for each in others):
            raise Refused(409)
        self.events[event.id] = event


def looks(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data[name] for name in ("name", *DATES) if name in data}


def known(planned: Mapping[str, Planned], id: str, status: int) -> Planned:
    if id not in planned:
        raise Refused(status)
    return planned[id]


def listed(planned: Iterable[Planned], when: str, at: datetime) -> list[Planned]:
    """What a list holds at a moment, in its order: what ended last comes first, all else by its start."""
    chosen = {
        "all": lambda each: True,
        "live": lambda each: each.start <= at < each.end,
        "upcoming": lambda each: each.start > at,
        "ended": lambda each: each.end <= at,
    }[when]
    found = sorted(filter(chosen, planned), key=lambda each: (each.end if when == "ended" else each.start, each.id))
    return found[::-1] if when == "ended" else found


def boundaries(planned: Iterable[Planned]) -> list[datetime]:
    """Every moment at which one of them begins or ends, in order."""
    return sorted({moment for each in planned for moment in (each.start, each.end)})
