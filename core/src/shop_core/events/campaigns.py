"""Campaigns and the events inside them. Key of the topic = campaign id, so a campaign and its events stay in order.

An event's id begins with its campaign's, so that whoever has the one knows the other, and with it the key. The topic is
kept for ever: the read models can be rebuilt from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Domain
from shop_core.events.fields import check_moment

CAMPAIGN_CREATED = "shop.campaign.created.v1"
CAMPAIGN_CHANGED = "shop.campaign.changed.v1"
CAMPAIGN_DELETED = "shop.campaign.deleted.v1"
EVENT_CREATED = "shop.campaign-event.created.v1"
EVENT_CHANGED = "shop.campaign-event.changed.v1"
EVENT_DELETED = "shop.campaign-event.deleted.v1"
LONGEST_NAME = 200

Name = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=LONGEST_NAME, description="1–200 printable characters", examples=["Sale"]),
]
CampaignId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$", description="a campaign's id")]
EventId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\.[A-Za-z0-9-]{1,64}$", description="an event's id")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Timed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What campaigns and their events have in common. Live from start until before end."""

    name: Name
    start_date: Moment
    end_date: Moment

    def check(self) -> None:
        check_timed(self.name, self.start_date, self.end_date)


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Each field that is there has this value now, the others stay."""

    name: Name | UnsetType = UNSET
    start_date: Moment | UnsetType = UNSET
    end_date: Moment | UnsetType = UNSET

    def check(self) -> None:
        check_timed(self.name, self.start_date, self.end_date)


class CampaignCreated(_Timed, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A campaign was planned; its id is the event's."""

    campaignid: CampaignId


class CampaignChanged(
    _Change, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, kw_only=True
):
    """A campaign looks different: each field that is there has this value now, the others stay."""

    campaignid: CampaignId


class CampaignDeleted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign was called off, and its events with it."""

    campaignid: CampaignId

    def check(self) -> None:
        """Its type says it all."""


class EventCreated(_Timed, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An event was planned inside a campaign."""

    campaignid: CampaignId
    eventid: EventId

    def check(self) -> None:
        check_belongs(self.campaignid, self.eventid)
        check_timed(self.name, self.start_date, self.end_date)


class EventChanged(_Change, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, kw_only=True):
    """An event looks different: each field that is there has this value now, the others stay."""

    campaignid: CampaignId
    eventid: EventId

    def check(self) -> None:
        check_belongs(self.campaignid, self.eventid)
        check_timed(self.name, self.start_date, self.end_date)


class EventDeleted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event was called off."""

    campaignid: CampaignId
    eventid: EventId

    def check(self) -> None:
        check_belongs(self.campaignid, self.eventid)


def check_timed(name: str | UnsetType, start: datetime | UnsetType, end: datetime | UnsetType) -> None:
    """The rules of the fields that are there."""
    if isinstance(name, str) and not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise InvalidInput(FieldFault("name", f"must be 1 to {LONGEST_NAME} printable characters"))
    for field, moment in (("startDate", start), ("endDate", end)):
        if isinstance(moment, datetime):
            check_moment(field, moment)
    if isinstance(start, datetime) and isinstance(end, datetime) and end <= start:
        raise InvalidInput(FieldFault("endDate", "must be after startDate"))


def check_belongs(campaignid: str, eventid: str) -> None:
    if campaign_of(eventid) != campaignid:
        raise InvalidInput(FieldFault("eventid", f"is not of an event of campaign {campaignid}"))


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
        EVENT_CREATED: EventCreated,
        EVENT_CHANGED: EventChanged,
        EVENT_DELETED: EventDeleted,
    },
    topic_config={"retention.ms": "-1"},
)
