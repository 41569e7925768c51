"""What the campaign queries answer. Dates are RFC 3339 in UTC, or yyyy/MM/dd hh:mm:ss where the query asks for it."""

from __future__ import annotations

import msgspec


class Campaign(msgspec.Struct, rename="camel"):
    """A campaign: live from `startDate` until before `endDate`."""

    id: str
    name: str
    start_date: str
    end_date: str


class CampaignEvent(msgspec.Struct, rename="camel"):
    """An event of the campaign `campaignEventId`: live from `startDate` until before `endDate`."""

    id: str
    name: str
    campaign_event_id: str
    start_date: str
    end_date: str


class Campaigns(msgspec.Struct):
    """A page of campaigns; `next` is the cursor of the next page, null on the last."""

    campaigns: list[Campaign]
    next: str | None


class CampaignEvents(msgspec.Struct):
    """A page of events; `next` is the cursor of the next page, null on the last."""

    events: list[CampaignEvent]
    next: str | None


class LiveCampaigns(msgspec.Struct):
    """A page of what is live; of what is live now also the next moment at which that `changes`, null if not planned."""

    campaigns: list[Campaign]
    next: str | None
    changes: str | msgspec.UnsetType | None = msgspec.UNSET


class LiveEvents(msgspec.Struct):
    """A page of what is live; of what is live now also the next moment at which that `changes`, null if not planned."""

    events: list[CampaignEvent]
    next: str | None
    changes: str | msgspec.UnsetType | None = msgspec.UNSET
