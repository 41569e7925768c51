"""Campaigns in: campaigns and their events, parsed, published, answered; and their queries, passed on to cm-api."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, UnsetType

from cm_server.commands import command as commands
from cm_server.commands import identity
from cm_server.commands.command import Command
from cm_server.commands.identity import Identity
from cm_server.context import PREFIX, Context
from cm_server.operations import CURSOR, LIMIT, Parameter, command, path_segment, query
from cm_server.query_proxy.client import pass_on
from shop_core.errors import FieldFault, InvalidInput, MalformedRequest
from shop_core.events import campaigns
from shop_core.events.campaigns import DOMAIN, CampaignId, Name, check_campaign_id, check_event_id, check_span
from shop_core.events.dates import parse_date
from shop_core.events.fields import Rule
from shop_core.events.instants import to_plain
from shop_core.events.reading import Checked, decode_json
from shop_core.responses.campaigns import (  # fmt: skip
    Campaign,
    CampaignEvent,
    CampaignEvents,
    Campaigns,
    LiveCampaigns,
    LiveEvents,
)

Date = Annotated[
    str,
    msgspec.Meta(
        description="yyyy/MM/dd hh:mm:ss (24 hours, UTC) or RFC 3339; kept to the millisecond",
        examples=["2026/11/27 00:00:00", "2026-11-27T00:00:00Z"],
    ),
    Rule(parse_date),
]


class _Dated(Checked, frozen=True):
    """What is sent of something that starts and ends."""

    def across(self) -> None:
        sent: Any = self
        check_span(_date(sent.start_date), _date(sent.end_date))


def _date(text: str | UnsetType) -> datetime | UnsetType:
    try:
        return UNSET if text is UNSET else parse_date("date", str(text))
    except InvalidInput:
        return UNSET


class CampaignRequest(_Dated, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A campaign: live from `startDate` until before `endDate`."""

    EXAMPLE: ClassVar = {"name": "Week of lamps", "startDate": "2026/11/27 00:00:00", "endDate": "2026/12/04 00:00:00"}
    name: Name
    start_date: Date
    end_date: Date


class CampaignPatch(_Dated, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What of a campaign, or of an event, is to change; the fields left out stay."""

    EXAMPLE: ClassVar = {"name": "Days of lamps"}
    name: Name | UnsetType = UNSET
    start_date: Date | UnsetType = UNSET
    end_date: Date | UnsetType = UNSET


class EventRequest(_Dated, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An event inside the campaign `campaignEventId`, under a name of its own there."""

    EXAMPLE: ClassVar = {
        "name": "First night",
        "campaignEventId": "CAMPAIGN",
        "startDate": "2026/11/27 18:00:00",
        "endDate": "2026/11/27 22:00:00",
    }
    name: Name
    campaign_event_id: CampaignId
    start_date: Date
    end_date: Date


class EventReplacement(_Dated, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The whole of an event. It stays in its campaign, which `campaignEventId` may name, as a GET's answer does."""

    EXAMPLE: ClassVar = {"name": "First night", "startDate": "2026/11/27 18:00:00", "endDate": "2026/11/27 23:00:00"}
    name: Name
    start_date: Date
    end_date: Date
    campaign_event_id: CampaignId | UnsetType = UNSET


ID = path_segment("id", "The campaign's id")
EVENT_ID = path_segment("id", "The event's id")
DATES = Parameter(
    "dates", "query", "The form of the dates in the answer; without it that of `at`, or iso", {"enum": ["iso", "slash"]}
)
AT = Parameter("at", "query", "Another moment than now: RFC 3339 or yyyy/MM/dd hh:mm:ss")
PAGED = (LIMIT, CURSOR, DATES)
STAYS = "What is left out stays as it is."
WHOLE = "Name and both dates are required: nothing of what was there stays."


def _described(path: str, things: str, pages: Any, live: Any) -> tuple[Any, ...]:
    """The lists of campaigns or of events."""
    many = things.title()
    return (
        query(f"list{many}", f"{path}/", f"All {things}, in the order of their start", pages, PAGED, ()),
        query(f"listLive{many}", f"{path}/live", f"The {things} that are live, to the second", live, (AT, *PAGED), ()),
        query(
            f"listUpcoming{many}", f"{path}/upcoming", f"The {things} that have yet to start", pages, (AT, *PAGED), ()
        ),
        query(
            f"listEnded{many}",
            f"{path}/ended",
            f"The {things} that are over, the latest first",
            pages,
            (AT, *PAGED),
            (),
        ),
    )


OPERATIONS = (
    *_described("/campaign-events", "campaigns", Campaigns, LiveCampaigns),
    command("createCampaign", "post", "/campaign-events/", "Plan a campaign", 201, (), CampaignRequest),
    query("getCampaign", "/campaign-events/{id}", "A campaign", Campaign, (ID, DATES)),
    query("getCampaignEvents", "/campaign-events/{id}/events", "A campaign's events", CampaignEvents, (ID, *PAGED)),
    command(
        "updateCampaign", "patch", "/campaign-events/{id}", "Change a campaign", 200, (ID,), CampaignPatch, about=STAYS
    ),
    command(
        "replaceCampaign",
        "put",
        "/campaign-events/{id}",
        "Replace a campaign",
        200,
        (ID,),
        CampaignRequest,
        about=WHOLE,
    ),
    command("deleteCampaign", "delete", "/campaign-events/{id}", "Call a campaign off, with its events", 204, (ID,)),
    *_described("/events", "events", CampaignEvents, LiveEvents),
    command("createEvent", "post", "/events/", "Plan an event inside a campaign", 201, (), EventRequest),
    query("getEvent", "/events/{id}", "An event", CampaignEvent, (EVENT_ID, DATES)),
    command("updateEvent", "patch", "/events/{id}", "Change an event", 200, (EVENT_ID,), CampaignPatch, about=STAYS),
    command("replaceEvent", "put", "/events/{id}", "Replace an event", 200, (EVENT_ID,), EventReplacement, about=WHOLE),
    command("deleteEvent", "delete", "/events/{id}", "Call an event off", 204, (EVENT_ID,)),
)


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("campaigns", __name__, url_prefix=PREFIX)
    routes.register_error_handler(commands.Rejected, commands.rejected)
    _campaigns(routes, context)
    _events(routes, context)
    for path in (operation.path for operation in OPERATIONS if operation.method == "get"):
        pass_on(routes, context.queries, path)
    return routes


def _campaigns(routes: Blueprint, context: Context) -> None:
    @routes.post("/campaign-events/")
    def plan_campaign() -> Response:
        known, sent = identify(), decode_json(commands.body(), CampaignRequest)
        data = campaigns.CampaignCreated(campaignid=known.id, **fields_of(sent))
        return answer(context, data, 201, known, known.id, f"/campaign-events/{known.id}")

    @routes.patch("/campaign-events/<segment:id>")
    def change_campaign(id: str) -> Response:
        known, sent = identify(), decode_json(commands.body(), CampaignPatch)
        data = campaigns.CampaignChanged(campaignid=campaign_in(id), **fields_of(sent))
        return answer(context, data, 200, known, id)

    @routes.put("/campaign-events/<segment:id>")
    def replace_campaign(id: str) -> Response:
        known, sent = identify(), decode_json(commands.body(), CampaignRequest)
        data = campaigns.CampaignChanged(campaignid=campaign_in(id), **fields_of(sent))
        return answer(context, data, 200, known, id)

    @routes.delete("/campaign-events/<segment:id>")
    def delete_campaign(id: str) -> Response:
        return answer(context, campaigns.CampaignDeleted(campaign_in(id)), 204, identify(), id)


def _events(routes: Blueprint, context: Context) -> None:
    @routes.post("/events/")
    def plan_event() -> Response:
        known, sent = identify(), decode_json(commands.body(), EventRequest)
        campaign = sent.campaign_event_id
        data = campaigns.CampaignEventCreated(campaignid=campaign, eventid=f"{campaign}.{known.id}", **fields_of(sent))
        return answer(context, data, 201, known, data.eventid, f"/events/{data.eventid}")

    @routes.patch("/events/<segment:id>")
    def change_event(id: str) -> Response:
        known, sent = identify(), decode_json(commands.body(), CampaignPatch)
        data = campaigns.EventChanged(campaignid=campaign_of(id), eventid=id, **fields_of(sent))
        return answer(context, data, 200, known, id)

    @routes.put("/events/<segment:id>")
    def replace_event(id: str) -> Response:
        known, sent = identify(), decode_json(commands.body(), EventReplacement)
        campaign = campaign_of(id)
        if sent.campaign_event_id not in (UNSET, campaign):
            raise InvalidInput(FieldFault("campaignEventId", f"must be {campaign}: an event stays in its campaign"))
        data = campaigns.EventChanged(campaignid=campaign, eventid=id, **fields_of(sent))
        return answer(context, data, 200, known, id)

    @routes.delete("/events/<segment:id>")
    def delete_event(id: str) -> Response:
        return answer(context, campaigns.CampaignEventDeleted(campaign_of(id), id), 204, identify(), id)


def identify() -> Identity:
    """What the command in hand is known by: a campaign or event is nobody's, so its keys are those of its address."""
    return identity.identify(identity.sent_key(), DOMAIN.name, identity.resource())


def answer(context: Context, data: Any, status: int, known: Identity, id: str, location: str = "") -> Response:
    body = msgspec.json.encode(data, enc_hook=to_plain)
    return commands.send(context, Command(DOMAIN, data, data.campaignid, known, id, body, status, location))


def fields_of(sent: CampaignRequest | CampaignPatch | EventRequest | EventReplacement) -> dict[str, Any]:
    """The fields that the client sent, its dates read; a change that names none is refused."""
    found: dict[str, Any] = {}
    if sent.name is not UNSET:
        found["name"] = sent.name
    for name, field in (("start_date", "startDate"), ("end_date", "endDate")):
        if (text := getattr(sent, name)) is not UNSET:
            found[name] = parse_date(field, text)
    if not found:
        raise InvalidInput(FieldFault("body", "must name at least one field to change"))
    return found


def campaign_in(id: str) -> str:
    """A campaign's id in the address; nothing else can be one."""
    return check_campaign_id("id", id, error=MalformedRequest)


def campaign_of(id: str) -> str:
    """The campaign of the event whose id is in the address."""
    return campaigns.campaign_of(check_event_id("id", id, error=MalformedRequest))
