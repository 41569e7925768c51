"""From campaign events to read models, in the order of the log. Pure but for the store it is given.

Runs inside the consumer's transaction. A campaign and its events are in one partition, so no other consumer changes
what a rule looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from cm_api.batch_result import Outcome
from cm_api.deduplication import each_once
from cm_api.domains.campaigns.store import CampaignStore
from cm_api.domains.campaigns.working_set import CampaignWorkingSet
from shop_core.events import campaigns
from shop_core.events.dates import to_millisecond
from shop_core.events.envelope import Event
from shop_core.mongo.client import Document

FIELDS = {"name": "name", "start_date": "startDate", "end_date": "endDate"}


def apply(store: CampaignStore, events: Sequence[Event]) -> Outcome:
    """Apply what is new in order, leave known ids alone, refuse what breaks a rule."""
    known = store.applied([event.id for event in events])
    working_set = CampaignWorkingSet(*store.load(sorted({event.data.campaignid for event in events})))
    fresh, refused, repeated = each_once(events, known, lambda event: HANDLERS[event.type](working_set, event.data))
    store.write(fresh, working_set.campaign_changes(), working_set.event_changes())
    changed = frozenset(event.data.campaignid for event in events if event.id in fresh)
    return Outcome(len(fresh), repeated, refused, changed=changed)


def fields_of(data: Any) -> Document:
    """The stored form of the fields that are there; beside each date, in how many digits it was written."""
    found: Document = {}
    for name, stored in FIELDS.items():
        value = getattr(data, name)
        if isinstance(value, datetime):
            kept = to_millisecond(value.astimezone(UTC))
            found |= {stored: kept.plain(), f"{stored}Digits": kept.digits}
        elif value is not UNSET:
            found[stored] = value
    return found


def create_campaign(working_set: CampaignWorkingSet, data: campaigns.CampaignCreated) -> None:
    working_set.add_campaign({"_id": data.campaignid} | fields_of(data))


def change_campaign(working_set: CampaignWorkingSet, data: campaigns.CampaignChanged) -> None:
    working_set.change_campaign(data.campaignid, fields_of(data))


def delete_campaign(working_set: CampaignWorkingSet, data: campaigns.CampaignDeleted) -> None:
    working_set.delete_campaign(data.campaignid)


def create_event(working_set: CampaignWorkingSet, data: campaigns.CampaignEventCreated) -> None:
    working_set.add_event({"_id": data.eventid, "campaignEventId": data.campaignid} | fields_of(data))


def change_event(working_set: CampaignWorkingSet, data: campaigns.EventChanged) -> None:
    working_set.change_event(data.eventid, fields_of(data))


def delete_event(working_set: CampaignWorkingSet, data: campaigns.CampaignEventDeleted) -> None:
    working_set.delete_event(data.eventid)


HANDLERS: Mapping[str, Callable[[CampaignWorkingSet, Any], None]] = {
    campaigns.CAMPAIGN_CREATED: create_campaign,
    campaigns.CAMPAIGN_CHANGED: change_campaign,
    campaigns.CAMPAIGN_DELETED: delete_campaign,
    campaigns.EVENT_CREATED: create_event,
    campaigns.EVENT_CHANGED: change_event,
    campaigns.EVENT_DELETED: delete_event,
}
