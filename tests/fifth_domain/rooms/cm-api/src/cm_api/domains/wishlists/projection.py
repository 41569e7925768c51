"""From wishes to lists, in the order of the log. Pure but for the store it is given."""

from __future__ import annotations

from collections.abc import Sequence

from cm_api.batch_result import Outcome, Refused
from cm_api.deduplication import each_once
from cm_api.domains.wishlists.store import WishStore
from cm_api.erasure import by_user
from shop_core.events.envelope import Event
from shop_core.mongo.client import Document


def apply(store: WishStore, events: Sequence[Event]) -> Outcome:
    """Add what is new in order, leave known ids alone, refuse what is on the list."""
    known = store.applied([event.id for event in events])
    wished = store.of(sorted({event.data.userid for event in events}))
    new: list[Document] = []

    def add(event: Event) -> None:
        wish = (event.data.userid, event.data.productid)
        if wish in wished:
            raise Refused(f"product {event.data.productid} is on this list already", "conflict")
        wished.add(wish)
        said = {"userid": wish[0], "productid": wish[1], "partition": event.place[0]}
        new.append({"_id": event.id, "digest": event.digest} | said)

    fresh, refused, repeated = each_once(events, known, add)
    store.add(new)
    return Outcome(len(fresh), repeated, refused)


def erase(store: WishStore, events: Sequence[Event]) -> Outcome:
    """Nothing says any more what these users wished for."""
    for userid, partitions in by_user(events).items():
        store.erase(userid, partitions)
    return Outcome(len(events), (), ())
