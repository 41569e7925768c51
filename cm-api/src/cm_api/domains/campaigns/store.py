"""The collections `campaigns`, `campaign_events` and `campaigns_applied`: writes inside the consumer's transaction,
reads for the query API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING, DeleteOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from cm_api.domains.campaigns.working_set import Changes
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.pieces import write

Kind = Literal["campaigns", "campaign_events"]
When = Literal["all", "live", "upcoming", "ended"]
# Of two ranges the one on the end is narrow, since what is over goes on growing; no planner has to find that out.
LIVE_INDEX = "endDate_id"
Cursor = tuple[datetime, str]
"""The date that the list is sorted by, and the id."""


def ensure_indexes(db: Database[Document]) -> None:
    """The indexes that the queries below use; safe to repeat."""
    with translate_errors():
        for kind in ("campaigns", "campaign_events"):
            db[kind].create_index([("name", ASCENDING)], name="name")
            for date in ("startDate", "endDate"):
                db[kind].create_index([(date, ASCENDING), ("_id", ASCENDING)], name=f"{date}_id")
        by_campaign = [("campaignEventId", ASCENDING), ("startDate", ASCENDING), ("_id", ASCENDING)]
        db["campaign_events"].create_index(by_campaign, name="campaign_startDate_id")


def selection(when: When, at: datetime) -> Document:
    """The filter of what is live, upcoming or ended at a moment."""
    filters: dict[When, Document] = {
        "all": {},
        "live": {"endDate": {"$gt": at}, "startDate": {"$lte": at}},
        "upcoming": {"startDate": {"$gt": at}},
        "ended": {"endDate": {"$lte": at}},
    }
    return filters[when]


def is_selected(when: When, doc: Document, at: datetime) -> bool:
    """Whether `selection` holds for a document."""
    begun, over = doc["startDate"] <= at, doc["endDate"] <= at
    return bool({"all": True, "live": begun and not over, "upcoming": not begun, "ended": over}[when])


def sort_of(when: When) -> tuple[str, int]:
    """What ended last comes first; everything else comes in the order of its start."""
    return ("endDate", DESCENDING) if when == "ended" else ("startDate", ASCENDING)


class CampaignStore:
    """`session` is the consumer's transaction; reads for the API go without one."""

    def __init__(self, db: Database[Document], session: ClientSession | None = None) -> None:
        self._db = db
        self._session = session

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of the events already applied."""
        found = self._db["campaigns_applied"].find({"_id": {"$in": list(ids)}}, session=self._session)
        return {doc["_id"]: doc["digest"] for doc in found}

    def load(self, ids: Sequence[str]) -> tuple[list[Document], list[Document]]:
        """These campaigns, and all their events."""
        campaigns = self._db["campaigns"].find({"_id": {"$in": list(ids)}}, session=self._session)
        events = self._db["campaign_events"].find({"campaignEventId": {"$in": list(ids)}}, session=self._session)
        return list(campaigns), list(events)

    def write(self, applied: Mapping[str, str], campaigns: Changes, events: Changes) -> None:
        if applied:
            docs = [{"_id": id, "digest": digest} for id, digest in applied.items()]
            self._db["campaigns_applied"].insert_many(docs, session=self._session)
        self._write(self._db["campaigns"], campaigns)
        self._write(self._db["campaign_events"], events)

    def one(self, kind: Kind, id: str) -> Document | None:
        with translate_errors():
            return self._db[kind].find_one({"_id": id})

    def some(self, kind: Kind, ids: Sequence[str]) -> list[Document]:
        with translate_errors():
            return list(self._db[kind].find({"_id": {"$in": list(ids)}}, session=self._session))

    def every_id(self, kind: Kind) -> Iterator[str]:
        with translate_errors():
            yield from (doc["_id"] for doc in self._db[kind].find({}, {"_id": 1}))

    def page(
        self, kind: Kind, when: When, at: datetime, cursor: Cursor | None, limit: int, campaign: str | None = None
    ) -> list[Document]:
        """At most `limit` after `cursor`, of one campaign's events where it is given."""
        field, direction = sort_of(when)
        both: list[Document] = [selection(when, at)]
        if campaign is not None:
            both.append({"campaignEventId": campaign})
        if cursor is not None:
            beyond = "$gt" if direction == ASCENDING else "$lt"
            date, id = cursor
            both.append({"$or": [{field: {beyond: date}}, {field: date, "_id": {beyond: id}}]})
        query = {"$and": [part for part in both if part]} if any(both) else {}
        with translate_errors():
            found = self._db[kind].find(query).sort([(field, direction), ("_id", direction)]).limit(limit)
            return list(found.hint(LIVE_INDEX) if when == "live" else found)

    def window(self, kind: Kind, start: datetime, end: datetime) -> list[Document]:
        """Everything that is live at any moment from `start` until before `end`."""
        with translate_errors():
            found = self._db[kind].find({"endDate": {"$gt": start}, "startDate": {"$lt": end}})
            return list(found.hint(LIVE_INDEX))

    def next_start(self, kind: Kind, start: datetime) -> datetime | None:
        """When the first thing begins from `start` on; None when nothing is planned."""
        with translate_errors():
            found = list(self._db[kind].find({"startDate": {"$gte": start}}).sort("startDate", ASCENDING).limit(1))
        return found[0]["startDate"] if found else None

    def _write(self, collection: Collection[Document], changes: Changes) -> None:
        operations: list[Any] = [DeleteOne({"_id": id}) for id in changes.gone]
        operations += [ReplaceOne({"_id": doc["_id"]}, doc, upsert=True) for doc in changes.put]
        write(collection, operations, self._session, ordered=False)
