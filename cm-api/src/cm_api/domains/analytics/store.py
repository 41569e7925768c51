"""The collections `analytics_counts`, `analytics_visitors` and `analytics_applied`: writes inside the consumer's
transaction, reads for the query API.

Each bucket is kept in shards, one for each consumer that writes to it, so that consumers never wait for each other;
whoever reads adds them up. A user's events are in one partition, so whoever is new to a shard's writer is new at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from cm_api.domains.analytics.buckets import LENGTH, Bucket, Step
from cm_api.domains.analytics.working_set import CLOSED_BEFORE, Counted, Increment, Visitor, expiry, visitors
from cm_api.erasure import Partitions, told_in
from shop_core.events.envelope import Event
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors

KEPT = timedelta(days=90)
# The embedded database compares each document it finds with each id it was asked for: at 1,000 ids that takes eight
# times as long as in pieces of 100, which cost MongoDB a few round trips.
ASKED_AT_ONCE = 100


def ensure_indexes(db: Database[Document]) -> None:
    """The indexes that the queries below use, and those by which documents expire; safe to repeat."""
    with translate_errors():
        counts = db["analytics_counts"]
        counts.create_index([("step", ASCENDING), ("number", ASCENDING)], name="step_number")
        counts.create_index([("changed", ASCENDING)], name="changed")
        for name in ("analytics_visitors", "analytics_applied"):
            db[name].create_index([("expires", ASCENDING)], name="expires", expireAfterSeconds=0)


class AnalyticsStore:
    """`session` is the consumer's transaction; reads for the API go without one. `kept` is how long visitors are."""

    def __init__(
        self,
        db: Database[Document],
        session: ClientSession | None = None,
        kept: timedelta = KEPT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.kept = kept
        self.now = now
        self._counts = db["analytics_counts"]
        self._visitors = db["analytics_visitors"]
        self._applied = db["analytics_applied"]
        self._session = session

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of the named events already applied."""
        if not ids:
            return {}
        found = self._applied.find({"_id": {"$in": list(ids)}}, {"digest": 1}, session=self._session)
        return {doc["_id"]: doc["digest"] for doc in found}

    def remember(self, events: Mapping[str, Event]) -> None:
        """The ids of named events, which may come again."""
        expires = self.now() + self.kept
        docs = [{"_id": id, "digest": event.digest, "expires": expires} for id, event in events.items()]
        if docs:
            self._applied.insert_many(docs, session=self._session)

    def known(self, wanted: Sequence[Visitor]) -> list[Visitor]:
        """Those of `wanted` who were in their bucket before."""
        known: list[Visitor] = []
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            by_id = {visitor.id: visitor for visitor in wanted[start : start + ASKED_AT_ONCE]}
            found = self._visitors.find({"_id": {"$in": list(by_id)}}, {"_id": 1}, session=self._session)
            known += [by_id[doc["_id"]] for doc in found]
        return known

    def forget(self, users: Mapping[str, Partitions]) -> None:
        """Remove users from every bucket that may still know them by what these partitions told; what was counted
        stays, it names nobody."""
        # Whoever came just before their bucket closed is remembered for as long as anybody from then on.
        known_by = {"closes": {"$gt": self.now() - self.kept - CLOSED_BEFORE}}
        found = self._counts.find(known_by, {"step": 1, "number": 1}, session=self._session)
        buckets = {Bucket(doc["step"], doc["number"]) for doc in found}
        for user, partitions in users.items():
            ids = [Visitor(bucket, user).id for bucket in buckets]
            for start in range(0, len(ids), ASKED_AT_ONCE):
                wanted = {"_id": {"$in": ids[start : start + ASKED_AT_ONCE]}} | told_in(partitions)
                self._visitors.delete_many(wanted, session=self._session)

    def visits(self, user: str) -> list[tuple[Bucket, datetime]]:
        """The hours and days in which it is known that a user was there, each with when that is forgotten."""
        # Visitors are found by bucket and user only: asking for each bucket that there is needs no index by user.
        found: list[tuple[Bucket, datetime]] = []
        with translate_errors():
            for step in LENGTH:
                buckets = [Bucket(step, number) for number in self._counts.distinct("number", {"step": step})]
                by_id = {Visitor(bucket, user).id: bucket for bucket in sorted(buckets)}
                ids = list(by_id)
                for start in range(0, len(ids), ASKED_AT_ONCE):
                    wanted = {"_id": {"$in": ids[start : start + ASKED_AT_ONCE]}}
                    found += [(by_id[doc["_id"]], doc["expires"]) for doc in self._visitors.find(wanted)]
        return sorted(found)

    def closing(self, buckets: Iterable[Bucket]) -> dict[Bucket, datetime]:
        """When each of `buckets` closes, because then it may have forgotten who was in it; the new ones are missing."""
        found: dict[Bucket, datetime] = {}
        for doc in self._counts.find(_among(buckets), session=self._session):
            bucket = Bucket(doc["step"], doc["number"])
            found[bucket] = min(doc["closes"], found.get(bucket, doc["closes"]))
        return found

    def write(self, shard: int, increments: Mapping[Bucket, Increment], partitions: Mapping[str, int]) -> None:
        """One update for each bucket, one insert for each new visitor; `partitions` told of which user."""
        now = self.now()
        expires = {bucket: expiry(bucket, now, self.kept) for bucket in increments}
        updates = [
            _update(shard, bucket, increment.counted, now, expires[bucket] - CLOSED_BEFORE)
            for bucket, increment in increments.items()
        ]
        self._counts.bulk_write(updates, ordered=False, session=self._session)
        docs = [
            {"_id": visitor.id, "expires": expires[visitor.bucket], "partition": partitions[visitor.user]}
            for visitor in visitors(increments)
        ]
        if docs:
            self._visitors.insert_many(docs, ordered=False, session=self._session)

    def changed(self, since: datetime) -> set[Bucket]:
        """The buckets that were written to since then."""
        with translate_errors():
            found = self._counts.find({"changed": {"$gte": since}}, {"step": 1, "number": 1})
            return {Bucket(doc["step"], doc["number"]) for doc in found}

    def every(self, step: Step) -> Iterator[Bucket]:
        """Each hour or day that has a count, once for each of its shards."""
        with translate_errors():
            for doc in self._counts.find({"step": step}, {"number": 1}):
                yield Bucket(step, doc["number"])

    def counted(self, buckets: Iterable[Bucket]) -> dict[Bucket, Counted]:
        """What each of `buckets` came to; those without events are missing."""
        found: dict[Bucket, Counted] = {}
        with translate_errors():
            for doc in self._counts.find(_among(buckets), session=self._session):
                bucket = Bucket(doc["step"], doc["number"])
                counted = Counted(doc["users"], doc["clicks"], doc["impressions"])
                found[bucket] = found.get(bucket, Counted()).plus(counted)
        return found


def _update(shard: int, bucket: Bucket, counted: Counted, now: datetime, closes: datetime) -> UpdateOne:
    return UpdateOne(
        {"_id": f"{bucket.id}-{shard}"},
        {
            "$inc": {"users": counted.users, "clicks": counted.clicks, "impressions": counted.impressions},
            "$set": {"changed": now},
            "$min": {"closes": closes},
            "$setOnInsert": {"step": bucket.step, "number": bucket.number, "start": bucket.start},
        },
        upsert=True,
    )


def _among(buckets: Iterable[Bucket]) -> dict[str, Any]:
    """The filter for `buckets`, by the index on step and number."""
    every = list(buckets)
    numbers = {step: [b.number for b in every if b.step == step] for step in LENGTH}
    return {"$or": [{"step": step, "number": {"$in": found}} for step, found in numbers.items() if found]}
