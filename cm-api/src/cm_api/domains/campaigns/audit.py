"""What the log of campaigns says there has to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import UNSET

from cm_api.audit import Audit
from cm_api.domains.campaigns.store import CampaignStore, Kind
from cm_api.notebook import Fields, Notebook
from shop_core.events import campaigns
from shop_core.events.dates import format_date, to_millisecond
from shop_core.events.envelope import Event
from shop_core.mongo.client import Document

CAMPAIGN, EVENT = "campaign", "event"
COLLECTIONS: dict[str, Kind] = {CAMPAIGN: "campaigns", EVENT: "campaign_events"}
_FIELDS = {"name": "name", "startDate": "start_date", "endDate": "end_date"}


def fold(book: Notebook, event: Event) -> None:
    data = event.data
    told = {name: value for name, field in _FIELDS.items() if (value := _value(getattr(data, field, UNSET)))}
    match event.type:
        case campaigns.CAMPAIGN_CREATED:
            book.put(CAMPAIGN, data.campaignid, told)
        case campaigns.CAMPAIGN_CHANGED:
            book.change(CAMPAIGN, data.campaignid, told)
        case campaigns.CAMPAIGN_DELETED:
            book.drop(CAMPAIGN, data.campaignid)
        case campaigns.EVENT_CREATED:
            book.put(EVENT, data.eventid, told | {"campaign": data.campaignid}, parent=data.campaignid)
        case campaigns.EVENT_CHANGED:
            book.change(EVENT, data.eventid, told)
        case campaigns.EVENT_DELETED:
            book.drop(EVENT, data.eventid)


def shown(store: CampaignStore, kind: str, ids: Sequence[str]) -> dict[str, Fields]:
    return {doc["_id"]: _fields(doc) for doc in store.some(COLLECTIONS[kind], ids)}


def every(store: CampaignStore, kind: str) -> Iterator[str]:
    return store.every_id(COLLECTIONS[kind])


def _value(value: object) -> str:
    """A date as its moment alone, to the millisecond."""
    if isinstance(value, datetime):
        return format_date(to_millisecond(value).plain())
    return value if isinstance(value, str) else ""


def _fields(doc: Document) -> Fields:
    inside = {"campaign": doc["campaignEventId"]} if "campaignEventId" in doc else {}
    return {name: _value(doc[name]) for name in _FIELDS} | inside


AUDIT: Audit[CampaignStore] = Audit(
    store=CampaignStore, fold=fold, kinds=(CAMPAIGN, EVENT), shown=shown, every=every
)  # fmt: skip
