"""(d) GET /analytics for the current hour against a bare Flask view; (e) POST /analytics against POST /buy; (f) a batch
that is added up before it touches the database against one update an event, on the same database."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import load
from pymongo import UpdateOne

from cm_api.domains.analytics.buckets import Bucket
from cm_api.domains.analytics.projection import apply
from cm_api.domains.analytics.store import AnalyticsStore, ensure_indexes
from shop_core.config.settings import MongoSettings
from shop_core.events.analytics import INTERACTION_RECORDED, InteractionRecorded, to_milliseconds
from shop_core.events.envelope import Event
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession, Database, Document

USERS, BATCH = 5_000, 2_000


def now() -> int:
    return to_milliseconds(datetime.now(UTC))


def read_request(url: str, number: int) -> bytes:
    """GET of the current hour, as curl sends it."""
    parts = urlsplit(url)
    return f"GET {parts.path}?timestamp={now()} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n".encode()


def record_request(url: str, number: int) -> bytes:
    parts = urlsplit(url)
    query = f"timestamp={now()}&user=u{number % USERS}&{'click' if number % 5 == 0 else 'impression'}"
    return f"POST {parts.path}?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 0\r\n\r\n".encode()


def http(seconds: float, base: str, bare: str) -> dict[str, Any]:
    """Each load twice in turn; the better of each."""
    loads = {
        "bare": (bare, read_request),
        "read": (f"{base}/analytics", read_request),
        "buy": (f"{base}/buy", load.buy_request),
        "record": (f"{base}/analytics", record_request),
    }
    rates = dict.fromkeys(loads, 0.0)
    failed = 0
    for _ in range(2):
        for name, (url, request) in loads.items():
            result = load.closed_loop(url, 32, seconds, request)
            rates[name], failed = max(rates[name], result.rate), failed + result.bad
    ratios = {"read/bare": rates["read"] / rates["bare"], "record/buy": rates["record"] / rates["buy"]}
    return {**rates, "failed": failed, **ratios}


def writes(address: str, events: int) -> dict[str, Any]:
    """Both ways to count the same events, in batches and transactions of the same size."""
    chance = random.Random(1)
    at = now()
    made = [
        Event(str(n), INTERACTION_RECORDED, datetime.now(UTC), "", InteractionRecorded(
            f"u{chance.randrange(USERS)}", chance.choice(("click", "impression")), at), "shop.analytics-0-0")
        for n in range(events)
    ]  # fmt: skip
    rates = {}
    for name, count in (("aggregated", added_up), ("one by one", one_by_one)):
        db = client.connect(
            MongoSettings(mongodb_uri=f"mongodb://{address}", mongodb_database=f"bench_{name[:3]}"), "b"
        )
        ensure_indexes(db)
        started = time.perf_counter()
        for start in range(0, events, BATCH):
            batch = made[start : start + BATCH]
            client.in_transaction(db, partial(count, db, batch=batch))
        rates[f"{name}/s"] = events / (time.perf_counter() - started)
        db.client.close()
    return {**rates, "ratio": rates["aggregated/s"] / rates["one by one/s"]}


def added_up(db: Database[Document], session: ClientSession, batch: list[Event]) -> None:
    apply(AnalyticsStore(db, session), batch)


def one_by_one(db: Database[Document], session: ClientSession, batch: list[Event]) -> None:
    """What a consumer does that looks at each event by itself: mark the visitor, count, hour and day."""
    for event in batch:
        for step in ("hour", "day"):
            bucket = Bucket.of(step, event.data.timestamp)
            visitor = {"_id": f"{bucket.id}/{event.data.user}"}
            seen = db["analytics_visitors"].update_one(visitor, {"$setOnInsert": visitor}, upsert=True, session=session)
            counts = {f"{event.data.kind}s": 1, "users": int(seen.upserted_id is not None)}
            db["analytics_counts"].bulk_write(
                [UpdateOne({"_id": bucket.id}, {"$inc": counts}, upsert=True)], session=session
            )
