"""A batch's working copy of the campaigns it touches, with all their events; it holds the rules between the two.

Events change the copy in the order of the log; what goes to the database is what differs in the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cm_api.batch_result import Refused
from shop_core.events.instants import format_instant
from shop_core.mongo.client import Document

MOST_NAMED = 20


@dataclass(frozen=True)
class Changes:
    """What one batch makes of one collection: whole documents, and ids that are gone."""

    put: list[Document] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class CampaignWorkingSet:
    """Campaigns and events by id. Every method raises `Refused` where a rule is broken, and then changes nothing."""

    def __init__(self, campaigns: Iterable[Document], events: Iterable[Document]) -> None:
        self._campaigns_before = {doc["_id"]: doc for doc in campaigns}
        self._events_before = {doc["_id"]: doc for doc in events}
        self._campaigns: dict[str, Document] = dict(self._campaigns_before)
        self._events: dict[str, Document] = dict(self._events_before)

    def add_campaign(self, doc: Document) -> None:
        if doc["_id"] in self._campaigns:
            raise Refused(f"campaign {doc['_id']} exists already", "conflict")
        self._campaigns[doc["_id"]] = in_time(doc)

    def change_campaign(self, id: str, changes: Document) -> None:
        """Refused when an event would fall outside, with the names of those that would."""
        doc = in_time(self._campaign(id) | changes)
        outside = sorted(event["name"] for event in self._events_of(id) if not lies_inside(event, doc))
        if outside:
            raise Refused(f"these events would lie outside the campaign: {listed(outside)}", "conflict")
        self._campaigns[id] = doc

    def delete_campaign(self, id: str) -> None:
        """Its events go with it."""
        del self._campaigns[self._campaign(id)["_id"]]
        for event in self._events_of(id):
            del self._events[event["_id"]]

    def put_event(self, doc: Document) -> None:
        """A new event, or one that looks different, inside its campaign and under a name of its own there."""
        if (campaign := self._campaigns.get(doc["campaignEventId"])) is None:  # a field of what was sent: 422
            raise Refused(f"there is no campaign {doc['campaignEventId']}")
        if not lies_inside(in_time(doc), campaign):
            start, end = format_instant(campaign["startDate"]), format_instant(campaign["endDate"])
            raise Refused(f"the event must lie inside its campaign, from {start} to {end}")
        others = (event for event in self._events_of(campaign["_id"]) if event["_id"] != doc["_id"])
        if any(event["name"] == doc["name"] for event in others):
            raise Refused(f"the campaign has an event named {doc['name']!r} already", "conflict")
        self._events[doc["_id"]] = doc

    def add_event(self, doc: Document) -> None:
        if doc["_id"] in self._events:
            raise Refused(f"event {doc['_id']} exists already", "conflict")
        self.put_event(doc)

    def change_event(self, id: str, changes: Document) -> None:
        self.put_event(self._event(id) | changes)

    def delete_event(self, id: str) -> None:
        del self._events[self._event(id)["_id"]]

    def campaign_changes(self) -> Changes:
        return changes(self._campaigns_before, self._campaigns)

    def event_changes(self) -> Changes:
        return changes(self._events_before, self._events)

    def _campaign(self, id: str) -> Document:
        """The campaign that a command is about."""
        if id not in self._campaigns:
            raise Refused(f"there is no campaign {id}", "not_found")
        return self._campaigns[id]

    def _event(self, id: str) -> Document:
        if id not in self._events:
            raise Refused(f"there is no event {id}", "not_found")
        return self._events[id]

    def _events_of(self, campaign: str) -> list[Document]:
        return [event for event in self._events.values() if event["campaignEventId"] == campaign]


def changes(before: dict[str, Document], after: dict[str, Document]) -> Changes:
    put = [doc for id, doc in after.items() if before.get(id) != doc]
    return Changes(put, [id for id in before if id not in after])


def in_time(doc: Document) -> Document:
    """`doc` itself unless it ends before it starts, as a change of one date may make it."""
    if not doc["startDate"] < doc["endDate"]:
        raise Refused(f"endDate must be after startDate, which is {format_instant(doc['startDate'])}")
    return doc


def lies_inside(event: Document, campaign: Document) -> bool:
    return bool(campaign["startDate"] <= event["startDate"] and event["endDate"] <= campaign["endDate"])


def listed(names: list[str]) -> str:
    """The names, each in quotes; those beyond a readable number are counted."""
    shown = ", ".join(f"'{name}'" for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
