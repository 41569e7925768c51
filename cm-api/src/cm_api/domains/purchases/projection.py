"""From purchase events to documents. Pure but for the store it is given; runs inside the consumer's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cm_api.batch_result import Outcome, Refusal
from cm_api.domains.purchases.store import PurchaseStore, to_decimal128
from cm_api.erasure import by_user
from cm_api.sort_keys import order_as_sent
from shop_core.events.envelope import Event
from shop_core.mongo.client import Document


def apply(store: PurchaseStore, events: Sequence[Event]) -> Outcome:
    """Store what is new, count it into the profiles, leave known ids alone, refuse an id that has another body."""
    known = store.digests([event.id for event in events])
    fresh: dict[str, Document] = {}
    refused: list[Refusal] = []
    repeated: list[str] = []
    for event in events:
        digest = fresh[event.id]["digest"] if event.id in fresh else known.get(event.id)
        if digest is None:
            fresh[event.id] = to_document(event)
        elif digest == event.digest:
            repeated.append(event.receipt)
        else:
            refused.append(
                Refusal(event.receipt, "This id (Idempotency-Key) was used before for another purchase", "conflict")
            )
    store.insert(list(fresh.values()))
    store.count_in(profiles(list(fresh.values())))
    return Outcome(len(fresh), repeated, refused)


def erase(store: PurchaseStore, events: Sequence[Event]) -> Outcome:
    """Nothing of these users remains but the names of their commands, under which nothing comes again."""
    for userid, partitions in by_user(events).items():
        if store.erase(userid, partitions):
            store.drop_profile(userid)
            store.count_in(profiles(store.bought_by(userid)))
    return Outcome(len(events), (), ())


def to_document(event: Event) -> Document:
    """The stored purchase; `order` sorts by moment to the microsecond, then id, which a BSON date can't."""
    data: Any = event.data
    moment: datetime = data.timestamp.astimezone(UTC)
    product = {} if data.productid is None else {"productid": data.productid}
    return product | {
        "_id": event.id,
        "username": data.username,
        "userid": data.userid,
        "price": to_decimal128(Decimal(data.price)),
        "timestamp": moment,
        "order": order_as_sent(moment, event.id),
        "digest": event.digest,
        "partition": event.place[0],
    }


def profiles(purchases: Sequence[Document]) -> dict[str, Document]:
    """What `purchases` add to each user's profile: count, total, first and last (by `order`), newest name."""
    changes: dict[str, Document] = {}
    for doc in purchases:
        change = changes.setdefault(
            doc["userid"], {"count": 0, "total": Decimal(0), "first": doc["order"], "last": doc["order"]}
        )
        change["count"] += 1
        change["total"] += doc["price"].to_decimal()
        change["first"] = min(change["first"], doc["order"])
        change["last"] = max(change["last"], doc["order"])
        change["username"] = doc["username"]
    return changes
