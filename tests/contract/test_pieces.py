"""One event that is about very much is applied by commands of a bounded size: one that takes longer than an answer may
is broken off and tried again for ever, and nothing behind it in its partition is read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from cm_api.registry import read_model
from shop_core.events import DOMAINS, analytics, campaigns, catalog, purchases
from shop_core.events.envelope import Event
from shop_core.events.instants import Instant
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.mongo import client
from shop_core.mongo.client import Database, Document
from shop_core.mongo.pending_events import PendingEvents
from shop_core.mongo.pieces import PIECE
from shop_core.mongo.rejections import Rejections

if TYPE_CHECKING:
    from tests.conftest import Platform

NOW = Instant.of(datetime(2026, 11, 26, 12, tzinfo=UTC))
MUCH = PIECE + 50
USER = "somebody"
Said = tuple[str, Any]
CAMPAIGN = "c-1"


class Writes(CommandListener):
    """How many documents each command wrote."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def started(self, event: CommandStartedEvent) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name in ("insert", "update", "delete"):
            self.sizes.append(event.reply["n"])

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def db(platform: Platform, writes: Writes) -> Iterator[Database[Document]]:
    with MongoClient[Document](platform.mongodb_uri, tz_aware=True, event_listeners=[writes]) as mongo:
        yield mongo[f"pieces-{uuid.uuid4().hex[:8]}"]


def bought(number: int) -> Said:
    return purchases.PURCHASE_MADE, purchases.PurchaseMade(USER, USER, "1.10", NOW)


def visited(number: int) -> Said:
    at = analytics.to_milliseconds(NOW) - number * 3_600_000
    return analytics.INTERACTION_RECORDED, analytics.InteractionRecorded(USER, "click", at)


def product(number: int) -> Said:
    return catalog.PRODUCT_CREATED, catalog.ProductCreated(f"p{number}", "p", "1")


def reviewed_everything(number: int) -> Said:
    return catalog.REVIEW_ADDED, catalog.ReviewAdded(f"p{number}", f"r{number}", USER, 5, NOW, display_name="d")


def reviewed_one_thing(number: int) -> Said:
    return catalog.REVIEW_ADDED, catalog.ReviewAdded("p0", f"r{number}", f"u{number}", 5, NOW, display_name="d")


def planned(number: int) -> Said:
    dates = {"start_date": NOW, "end_date": Instant.of(datetime(2026, 12, 1, tzinfo=UTC))}
    if number == 0:
        return campaigns.CAMPAIGN_CREATED, campaigns.CampaignCreated(name="c", campaignid=CAMPAIGN, **dates)
    event = f"{CAMPAIGN}.{number}"
    return campaigns.EVENT_CREATED, campaigns.CampaignEventCreated(
        name=event, campaignid=CAMPAIGN, eventid=event, **dates
    )


ERASURE: Said = (USER_ERASED, UserErased(USER, "self"))
# What happened before, in a domain, and the one event that undoes it.
LARGE = {
    "somebody who bought much is erased": ("purchases", [bought], ERASURE),
    "somebody who reviewed much is erased": ("catalog", [product, reviewed_everything], ERASURE),
    "somebody who was there often is erased": ("analytics", [visited], ERASURE),
    "a product with many reviews goes": (
        "catalog", [product, reviewed_one_thing], (catalog.PRODUCT_DELETED, catalog.ProductDeleted("p0")),
    ),
    "a campaign with many events goes": (
        "campaigns", [planned], (campaigns.CAMPAIGN_DELETED, campaigns.CampaignDeleted(CAMPAIGN)),
    ),
}  # fmt: skip


def applied(db: Database[Document], domain: str, said: Sequence[Said], first: int) -> int:
    """A batch in a transaction, with what follows from it."""
    events = [
        Event(f"e{n}", type_, NOW, f"d{n}", data, f"{DOMAINS[domain].topic}-0-{n}", everywhere=type_ == USER_ERASED)
        for n, (type_, data) in enumerate(said, first)
    ]
    model = read_model(domain)

    def work(session: Any) -> int:
        erase = model.erase if said[0][0] == USER_ERASED else None
        outcome = (erase or model.apply)(model.store(db, session), events)
        assert not outcome.refused, outcome.refused[0]
        pending = [{"_id": f"{d.key}-{d.sequence}", "source": d.receipt} for d in outcome.derived]
        PendingEvents(db).add(session, pending)
        return outcome.applied

    return client.in_transaction(db, work)


@pytest.mark.parametrize("kind", LARGE)
def test_an_event_about_very_much_is_applied_in_pieces(db: Database[Document], writes: Writes, kind: str) -> None:
    domain, before, event = LARGE[kind]
    read_model(domain).ensure_indexes(db)
    number = 0
    for make in before:
        said = [make(n) for n in range(MUCH)]
        for start in range(0, MUCH, PIECE):
            number += applied(db, domain, said[start : start + PIECE], number)
    writes.sizes.clear()
    assert applied(db, domain, [event], number) == 1
    assert sum(writes.sizes) >= MUCH - 1, "all of it is written"
    assert max(writes.sizes) <= PIECE, "by commands of a bounded size"


def test_refusals_and_events_that_follow_from_one_are_kept_in_pieces(db: Database[Document], writes: Writes) -> None:
    docs: list[Document] = [{"_id": str(number)} for number in range(MUCH)]

    def work(session: Any) -> None:
        Rejections(db).add(session, docs)
        PendingEvents(db).add(session, docs)

    client.ensure_collections(db, ("outbox", "rejections"))
    client.in_transaction(db, work)
    assert sorted(writes.sizes) == [MUCH - PIECE, MUCH - PIECE, PIECE, PIECE]
