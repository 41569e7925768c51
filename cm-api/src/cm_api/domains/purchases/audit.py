"""What the log of purchases says there has to be, and each user's sums once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cm_api.audit import Audit, Finding, Recounted
from cm_api.domains.purchases.store import PurchaseStore
from cm_api.notebook import Fields, Notebook
from cm_api.sort_keys import moment_of
from shop_core.events.envelope import Event
from shop_core.events.instants import format_instant
from shop_core.events.purchases import PurchaseMade
from shop_core.mongo.client import Document

PURCHASE = "purchase"
USERS = 200  # of one piece of a recount


@dataclass
class Sums:
    """Of one user's purchases."""

    count: int = 0
    spent: Decimal = Decimal()
    first: str = ""
    last: str = ""

    def add(self, doc: Document) -> None:
        order = doc["order"]
        self.count += 1
        self.spent += doc["price"].to_decimal()
        self.first, self.last = min(self.first or order, order), max(self.last, order)


def fold(book: Notebook, event: Event) -> None:
    data: PurchaseMade = event.data
    told = {
        "username": data.username,
        "userid": data.userid,
        "price": str(Decimal(data.price)),
        "timestamp": format_instant(data.timestamp),
        "productid": data.productid,
    }
    book.put(PURCHASE, event.id, told, owner=data.userid, partition=event.place[0])


def shown(store: PurchaseStore, kind: str, ids: Sequence[str]) -> dict[str, Fields]:
    return {doc["_id"]: _fields(doc) for doc in store.some(ids)}


def every(store: PurchaseStore, kind: str) -> Iterator[str]:
    return store.every_id()


def recount(store: PurchaseStore, after: str) -> Recounted:
    """Profiles against the purchases of the same users, whichever of the two a user has."""
    profiles = {doc["_id"]: doc for doc in store.profiles_after(after, USERS)}
    last = max(profiles) if len(profiles) == USERS else None
    due: dict[str, Sums] = {}
    for doc in store.bought_between(after, last):
        due.setdefault(doc["userid"], Sums()).add(doc)
    kept = {userid: _kept(doc) for userid, doc in profiles.items()}
    wrong = [
        Finding("wrong", f"the profile of user {userid}: stored {_told(kept.get(userid))}, recounted "
                         f"{_told(due.get(userid))}")
        for userid in sorted({*due, *kept})
        if due.get(userid) != kept.get(userid)
    ]  # fmt: skip
    return Recounted(wrong, len(profiles), last)


def _kept(doc: Document) -> Sums:
    return Sums(doc["count"], doc["totalSpent"].to_decimal(), doc["first"], doc["last"])


def _told(sums: Sums | None) -> str:
    return "none" if sums is None else f"{sums.count} purchases, {sums.spent:f} spent"


def _fields(doc: Document) -> Fields:
    return {
        "username": doc["username"],
        "userid": doc["userid"],
        "price": str(doc["price"]),
        "timestamp": format_instant(moment_of(doc["order"])),
        "productid": doc.get("productid"),
    }


AUDIT: Audit[PurchaseStore] = Audit(
    store=PurchaseStore, fold=fold, kinds=(PURCHASE,), shown=shown, every=every, recount=recount
)
