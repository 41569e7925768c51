"""The collection `erasures`: whom a domain has erased, by the hash of the userid, since when, and who asked.

An erasure stands in every partition of the domain's topic, and each copy is noted by itself as {_id:
domain/partition/id}: it holds for what its own partition told before it. One that came in one partition alone, as all
did once and another producer's may, is {_id: domain/user}: it holds for what was said before its time, wherever told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from shop_core.events.envelope import Event
from shop_core.events.receipts import Receipt
from shop_core.mongo.errors import translate_errors

_MILLISECOND = timedelta(milliseconds=1)  # a BSON date drops what is below: never earlier than the erasure


@dataclass(frozen=True)
class Erasure:
    """One that was applied. `copy`: it holds for its own partition."""

    at: datetime
    receipt: str
    copy: bool

    def forgets(self, event: Event) -> bool:
        """Whether a belated event was said before this: by its place in the log where that is known, else by its own
        time."""
        if not self.copy:
            return event.time <= self.at
        partition, offset = Receipt.of(self.receipt).place
        if event.place[0] != partition or event.place[1] < offset:
            return False
        if event.redriven and Receipt.of(event.redriven).partition == partition:
            return Receipt.of(event.redriven).offset < offset
        return event.time <= self.at


class Erasures:
    """Those of one domain. Users are given by the hashes of their ids."""

    def __init__(self, db: Database[dict[str, Any]], domain: str) -> None:
        self.db = db
        self._erasures = db["erasures"]
        self._domain = domain

    def ensure_indexes(self) -> None:
        with translate_errors():
            self._erasures.create_index([("user", ASCENDING)], name="user")

    def known(self, session: ClientSession | None, copies: Sequence[Event]) -> dict[str, tuple[str, str]]:
        """(digest, receipt) by `name_of` of those copies that were applied before."""
        found = self._erasures.find({"_id": {"$in": [self.name_of(copy) for copy in copies]}}, session=session)
        return {doc["_id"]: (doc["digest"], doc["receipt"]) for doc in found}

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of the erasures that are known."""
        wanted = {f"{self._domain}/0/{id}": id for id in ids}
        found = self._erasures.find({"_id": {"$in": list(wanted)}}, {"digest": 1})
        return {wanted[doc["_id"]]: doc["digest"] for doc in found}

    def add(self, session: ClientSession, copies: Sequence[tuple[Event, str]]) -> None:
        """Note copies, each with its user."""
        docs = [
            {"_id": self.name_of(copy), "domain": self._domain, "user": user, "digest": copy.digest, **_noted(copy)}
            for copy, user in copies
        ]
        if docs:
            self._erasures.insert_many(docs, session=session)

    def add_lone(self, session: ClientSession, event: Event, user: str) -> None:
        """Note one that came in one partition alone; another one of the same user moves the moment on, never back."""
        noted = _noted(event)
        self._erasures.update_one(
            {"_id": f"{self._domain}/{user}"}, {"$max": {"at": noted.pop("at")}, "$set": noted}, upsert=True,
            session=session,
        )  # fmt: skip

    def of(self, session: ClientSession | None, users: Sequence[str]) -> dict[str, list[Erasure]]:
        """All that are known of each of `users`."""
        lone = {f"{self._domain}/{user}": user for user in users}
        found: dict[str, list[Erasure]] = {}
        for query in ({"user": {"$in": list(users)}, "domain": self._domain}, {"_id": {"$in": list(lone)}}):
            for doc in self._erasures.find(query, session=session):
                user = doc.get("user") or lone[doc["_id"]]
                found.setdefault(user, []).append(Erasure(doc["at"], doc["receipt"], "user" in doc))
        return found

    def lone(self) -> Mapping[str, datetime]:
        """By user, the moment of each erasure that came in one partition alone."""
        with translate_errors():
            found = list(self._erasures.find({"_id": {"$gte": f"{self._domain}/", "$lt": f"{self._domain}0"}}))
        return {doc["_id"].partition("/")[2]: doc["at"] for doc in found if "user" not in doc}

    def name_of(self, copy: Event) -> str:
        return f"{self._domain}/{copy.place[0]}/{copy.id}"


def _noted(event: Event) -> dict[str, Any]:
    return {
        "at": event.time + _MILLISECOND,
        "by": event.data.by,
        "receipt": event.receipt,
        "appliedAt": datetime.now(UTC),
    }
