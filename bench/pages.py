"""(c) A page of one user's purchases at depth 10,000 against the first page, through cm-server and cm-api.

Each request carries a `from` of its own, so that none is answered from the cache.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from cm_api.domains.purchases.projection import to_document
from cm_api.domains.purchases.store import PurchaseStore
from shop_core.config.settings import MongoSettings
from shop_core.events.envelope import Event
from shop_core.events.instants import Instant
from shop_core.events.purchases import PURCHASE_MADE, PurchaseMade
from shop_core.identifiers import uuid7
from shop_core.mongo import client

USER = "pages"
ROUNDS = 15
RECEIPT = "shop.purchases-0-0"
_unique = itertools.count()


def measure(state: dict[str, Any], base: str) -> dict[str, Any]:
    """Median milliseconds of both pages for a user with 20,000 purchases, in turn, in the same run."""
    address = next(p["address"] for p in state["processes"] if p["name"] == "database")
    fill(address, 20_000)
    cursor = None
    for _ in range(50):
        cursor = page(base, 200, cursor)["next"]
    first: list[float] = []
    deep: list[float] = []
    for _ in range(ROUNDS):
        for times, at in ((first, None), (deep, cursor)):
            started = time.perf_counter()
            page(base, 50, at)
            times.append((time.perf_counter() - started) * 1000)
    medians = statistics.median(first), statistics.median(deep)
    return {"first ms": medians[0], "deep ms": medians[1], "ratio": medians[1] / medians[0]}


def fill(address: str, count: int) -> None:
    """One user's purchases, a minute apart, straight into the read model."""
    store = PurchaseStore(client.connect(MongoSettings(mongodb_uri=f"mongodb://{address}"), "bench"))
    now = datetime.now(UTC)
    for start in range(0, count, 1000):
        moments = [Instant.of(now - timedelta(minutes=start + n)) for n in range(1000)]
        purchases = [PurchaseMade(USER, USER, "1.00", moment) for moment in moments]
        store.insert([to_document(Event(str(uuid7()), PURCHASE_MADE, now, "", data, RECEIPT)) for data in purchases])


def page(base: str, limit: int, cursor: str | None) -> dict[str, Any]:
    since = f"2000-01-01T00:00:00.{next(_unique):06d}"
    after = f"&cursor={cursor}" if cursor else ""
    with urllib.request.urlopen(f"{base}/v1/users/{USER}/purchases?limit={limit}&from={since}{after}") as answer:
        found: dict[str, Any] = json.load(answer)
        return found
