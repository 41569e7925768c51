"""Campaigns and the events inside them. Key of the topic = campaign id, so a campaign and its events stay in order.

An event's id begins with its campaign's, so that whoever has the one knows the other, and with it the key. The topic is
kept for ever, as the record of all campaigns.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.errors import Faults, FieldFault, InvalidInput
from shop_core.events.envelope import Domain
from shop_core.events.fields import Moment, Rule, check_text, text_schema
from shop_core.events.reading import Checked

CAMPAIGN_CREATED = "shop.campaign.created.v1"
CAMPAIGN_CHANGED = "shop.campaign.changed.v1"
CAMPAIGN_DELETED = "shop.campaign.deleted.v1"
EVENT_CREATED = "shop.campaign-event.created.v1"
EVENT_CHANGED = "shop.campaign-event.changed.v1"
EVENT_DELETED = "shop.campaign-event.deleted.v1"
LONGEST_NAME = 200

_CAMPAIGN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}\.[A-Za-z0-9-]{1,64}")


def check_campaign_id(field: str, id: str, *, error: type[InvalidInput] = InvalidInput) -> str:
    """`id` itself when it may be a campaign's."""
    if not _CAMPAIGN_ID.fullmatch(id):
        raise error(FieldFault(field, "must be a campaign's id"))
    return id


def check_event_id(field: str, id: str, *, error: type[InvalidInput] = InvalidInput) -> str:
    """`id` itself when it may be an event's, which begins with its campaign's."""
    if not _EVENT_ID.fullmatch(id):
        raise error(FieldFault(field, "must be an event's id"))
    return id


Name = Annotated[str, text_schema(LONGEST_NAME, "Sale"), Rule(partial(check_text, longest=LONGEST_NAME))]
CampaignId = Annotated[
    str, msgspec.Meta(pattern=f"^{_CAMPAIGN_ID.pattern}$", description="a campaign's id"), Rule(check_campaign_id)
]
EventId = Annotated[
    str, msgspec.Meta(pattern=f"^{_EVENT_ID.pattern}$", description="an event's id"), Rule(check_event_id)
]


class _Timed(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What campaigns and their events have in common. Live from start until before end."""

    name: Name
    start_date: Moment
    end_date: Moment

    def across(self) -> None:
        check_span(self.start_date, self.end_date)


class _Change(Checked, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Each field that is there has this value now, the others stay."""

    name: Name | UnsetType = UNSET
    start_date: Moment | UnsetType = UNSET
    end_date: Moment | UnsetType = UNSET

    def across(self) -> None:
        check_span(self.start_date, self.end_date)


class CampaignCreated(_Timed, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A campaign was planned; its id is the event's."""

    campaignid: CampaignId


class CampaignChanged(
    _Change, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, kw_only=True
):
    """A campaign looks different: each field that is there has this value now, the others stay."""

    campaignid: CampaignId


class CampaignDeleted(Checked, frozen=True, forbid_unknown_fields=True):
    """A campaign was called off, and its events with it."""

    campaignid: CampaignId


class CampaignEventCreated(_Timed, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An event was planned inside a campaign."""

    campaignid: CampaignId
    eventid: EventId

    def across(self) -> None:
        faults = Faults()
        faults.read(check_belongs, self)
        faults.read(check_span, self.start_date, self.end_date)
        faults.settle()


class EventChanged(_Change, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, kw_only=True):
    """An event looks different: each field that is there has this value now, the others stay."""

    campaignid: CampaignId
    eventid: EventId

    def across(self) -> None:
        faults = Faults()
        faults.read(check_belongs, self)
        faults.read(check_span, self.start_date, self.end_date)
        faults.settle()


class CampaignEventDeleted(Checked, frozen=True, forbid_unknown_fields=True):
    """An event was called off."""

    campaignid: CampaignId
    eventid: EventId

    def across(self) -> None:
        check_belongs(self)


def check_span(start: datetime | UnsetType, end: datetime | UnsetType) -> None:
    """What is there ends after it starts."""
    if isinstance(start, datetime) and isinstance(end, datetime) and end <= start:
        raise InvalidInput(FieldFault("endDate", "must be after startDate"))


def check_belongs(data: Any) -> None:
    """An event's id begins with its campaign's, where both could be read."""
    if UNSET not in (data.campaignid, data.eventid) and campaign_of(data.eventid) != data.campaignid:
        raise InvalidInput(FieldFault("eventid", f"must be of an event of campaign {data.campaignid}"))


def campaign_of(eventid: str) -> str:
    """The id of the campaign that the event with this id is in."""
    return eventid.partition(".")[0]


DOMAIN = Domain(
    "campaigns",
    "shop.campaigns",
    {
        CAMPAIGN_CREATED: CampaignCreated,
        CAMPAIGN_CHANGED: CampaignChanged,
        CAMPAIGN_DELETED: CampaignDeleted,
        EVENT_CREATED: CampaignEventCreated,
        EVENT_CHANGED: EventChanged,
        EVENT_DELETED: CampaignEventDeleted,
    },
    topic_config={"retention.ms": "-1"},
    keyed_by="campaignid",
)
