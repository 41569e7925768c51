"""What every domain that knows persons owes to an erasure: it holds at its place in the log of each partition, however
the log is cut into batches, whoever else is ahead or behind, and whatever comes again.

A domain says in `SAY` what somebody may do in it, unless its events are nothing but texts; the rest is told by its
export.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cm_api.batch_result import Outcome
from cm_api.domains.catalog.projection import create
from cm_api.domains.catalog.working_set import CatalogWorkingSet
from cm_api.http.context import Context
from cm_api.indexes import SHARED
from cm_api.pipeline import privacy
from cm_api.registry import read_model
from shop_core.events import PERSONAL, analytics, catalog, purchases
from shop_core.events.envelope import REDRIVEN, Domain, Event, Message, Record, copies, decode, digest_of, encode
from shop_core.events.instants import Instant
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.mongo import client
from shop_core.mongo.erasures import Erasures

if TYPE_CHECKING:
    from tests.conftest import Platform

NOW = Instant.of(datetime(2026, 11, 26, 12, tzinfo=UTC))
USER, OTHER = "somebody", "somebody-else"
PARTITIONS = 2


def bought(user: str, number: int) -> tuple[str, Any]:
    return purchases.PURCHASE_MADE, purchases.PurchaseMade(user, user, "1.10", NOW + timedelta(seconds=number))


def visited(user: str, number: int) -> tuple[str, Any]:
    at = analytics.to_milliseconds(NOW - timedelta(days=number + 1))
    return analytics.INTERACTION_RECORDED, analytics.InteractionRecorded(user, "click", at)


def reviewed(user: str, number: int) -> tuple[str, Any]:
    return catalog.REVIEW_ADDED, catalog.ReviewAdded(f"p{number}", f"{user}-{number}", user, 5, NOW, "said", user)


# What a user does in a domain, different by number; and how many things the export then tells of it.
SAY: dict[str, tuple[Callable[[str, int], tuple[str, Any]], int]] = {
    "purchases": (bought, 1),
    "catalog": (reviewed, 1),
    "analytics": (visited, 2),
}


def texts_of(domain: Domain) -> tuple[Callable[[str, int], tuple[str, Any]], int]:
    """The same for a domain whose first event has a `userid` and other texts, made of their names."""
    type_, struct = next(iter(domain.events.items()))
    names = [field.name for field in msgspec.structs.fields(struct)]

    def said(user: str, number: int) -> tuple[str, Any]:
        data = {name: f"{name}-{number}" for name in names} | {"userid": user}
        return type_, msgspec.convert(data, struct)

    return said, 1


@dataclass
class Shop:
    """One domain on a database of its own, and the log of its topic."""

    domain: Domain
    db: Any
    log: dict[int, list[Message]] = field(default_factory=lambda: {p: [] for p in range(PARTITIONS)})
    done: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))

    @property
    def doing(self) -> tuple[Callable[[str, int], tuple[str, Any]], int]:
        return SAY.get(self.domain.name) or texts_of(self.domain)

    def put(self, partition: int, record: Record, came: datetime = NOW) -> str:
        offset = len(self.log[partition])
        at = int(came.timestamp() * 1000)
        message = Message(record.topic, partition, offset, record.key, record.value, record.headers, at)
        self.log[partition].append(message)
        return message.receipt

    def say(self, user: str, number: int, partition: int = 0, *, said: datetime = NOW, redriven: str = "") -> str:
        """Always under the same id for a user and number, as a client's retry is."""
        type_, data = self.doing[0](user, number)
        id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{user}-{number}"))
        record = encode(self.domain, type_, data, key=user, id=id, time=said, digest=digest_of(repr(data).encode()))
        headers = (*record.headers, *([(REDRIVEN, redriven.encode())] if redriven else []))
        return self.put(partition, Record(record.topic, record.key, record.value, headers), NOW)

    def erase(self, user: str, id: str, said: datetime = NOW) -> None:
        data, digest = UserErased(user, "self"), digest_of(user.encode())
        record = encode(self.domain, USER_ERASED, data, key=user, id=id, time=said, digest=digest)
        for partition, copy in enumerate(copies(record, PARTITIONS)):
            self.put(partition, copy)

    def apply(self, partition: int, many: int = 1000) -> Outcome:
        """The next so many of one partition, as its consumer does."""
        at = self.done[partition]
        events = [decode(self.domain, message) for message in self.log[partition][at : at + many]]
        self.done[partition] += len(events)
        return self.apply_events(events)

    def apply_events(self, events: Sequence[Event]) -> Outcome:
        def work(session: Any) -> Outcome:
            model = read_model(self.domain.name)
            return privacy.apply(
                model, model.store(self.db, session), Erasures(self.db, self.domain.name), session, events
            )

        return client.in_transaction(self.db, work)

    def shown(self, user: str = USER) -> int:
        """How many of the user's doings are told."""
        context = Context(self.db, threading.BoundedSemaphore(), lambda listener: None)
        export = read_model(self.domain.name).export
        assert export, "who knows persons tells what is kept of them"
        parts = export(context, user, None).parts
        return sum(len(part) for part in parts.values() if isinstance(part, list)) // self.doing[1]


@pytest.fixture(params=PERSONAL, ids=lambda domain: domain.name)
def shop(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Shop]:
    db = platform.db.client.get_database(
        f"order-{uuid.uuid4().hex[:8]}",
        codec_options=platform.db.codec_options,
        write_concern=platform.db.write_concern,
    )
    model = read_model(request.param.name)
    client.ensure_collections(db, (*SHARED, *model.collections))
    model.ensure_indexes(db)
    if request.param is catalog.DOMAIN:
        db["products"].insert_many([product(f"p{number}") for number in range(6)])
    yield Shop(request.param, db)
    db.client.drop_database(db.name)


def product(id: str) -> dict[str, Any]:
    shelf = CatalogWorkingSet((), ())
    made = catalog.ProductCreated(productid=id, name="name", description="", price="1", tags=[])
    create(shelf, Event(id, catalog.PRODUCT_CREATED, NOW, "", made, "shop.catalog-0-0"))
    return shelf.product(id)


@pytest.mark.parametrize("many", [1, 2, 3, 1000])
def test_what_came_before_goes_and_what_came_after_stays_however_the_log_is_cut(shop: Shop, many: int) -> None:
    for number, (erased, partition) in enumerate(itertools.product((True, False), range(PARTITIONS))):
        if number == PARTITIONS:
            shop.erase(USER, "first")
        shop.say(USER, number, partition)
        shop.say(OTHER, number, partition)
        assert erased == (number < PARTITIONS)
    for partition in range(PARTITIONS):
        while shop.done[partition] < len(shop.log[partition]):
            shop.apply(partition, many)
    assert (shop.shown(USER), shop.shown(OTHER)) == (PARTITIONS, 2 * PARTITIONS)


def test_a_partition_that_is_ahead_or_behind_changes_nothing_of_another(shop: Shop) -> None:
    shop.say(USER, 0, 0)
    shop.erase(USER, "first")
    shop.say(USER, 1, 0)
    shop.apply(0)
    assert shop.shown() == 1
    shop.apply(1)  # the other copy comes much later
    assert shop.shown() == 1

    shop.say(USER, 2, 1)
    shop.apply(1)
    shop.erase(USER, "second")
    shop.apply(0)
    assert shop.shown() == 1, "what partition 1 told waits for its own copy"
    shop.apply(1)
    assert shop.shown() == 0


def test_an_erasure_that_is_known_changes_nothing_and_its_key_is_no_other_s(shop: Shop) -> None:
    shop.say(USER, 0)
    shop.erase(USER, "key")
    shop.say(USER, 1)
    shop.erase(USER, "key")
    shop.erase(OTHER, "key")
    shop.say(OTHER, 2)
    shop.apply(0, 3)
    again = shop.apply(0)
    assert shop.shown(USER) == 1 and shop.shown(OTHER) == 1
    assert (again.duplicates, [(each.code, each.kind) for each in again.refused]) == (1, [("conflict", "rejected")])
    shop.erase(USER, "another-key")
    shop.apply(0)
    assert shop.shown(USER) == 0


@pytest.mark.parametrize("many", [1, 1000])
def test_a_late_retry_does_not_bring_back_what_was_erased(shop: Shop, many: int) -> None:
    shop.say(USER, 0)
    shop.erase(USER, "first")
    shop.say(USER, 0)
    shop.say(USER, 1)
    duplicates = 0
    while shop.done[0] < len(shop.log[0]):
        duplicates += shop.apply(0, many).duplicates
    assert (shop.shown(), duplicates) == (1, 1)


def test_what_says_that_it_is_older_stays_forgotten(shop: Shop) -> None:
    refused = shop.say(USER, 0)
    shop.erase(USER, "first", said=NOW - timedelta(seconds=5))
    later = [shop.say(USER, 1), shop.say(USER, 2)]
    # Those three became dead letters; only the erasure was applied.
    shop.apply_events([decode(shop.domain, shop.log[0][1])])
    shop.done[0] = len(shop.log[0])
    shop.say(USER, 0, redriven=refused)
    for number, receipt in enumerate(later, 1):
        shop.say(USER, number, said=NOW - timedelta(seconds=10), redriven=receipt)
    shop.say(USER, 3, said=NOW - timedelta(minutes=5))
    shop.say(USER, 4, said=NOW - timedelta(seconds=10))
    shop.apply(0)
    assert shop.shown() == 3, "letters that were refused after it, by their places, and what a slow clock has just said"


@pytest.mark.parametrize("many", [1, 1000])
@pytest.mark.parametrize("shop", [catalog.DOMAIN], indirect=True, ids=["catalog"])
def test_what_another_said_of_it_before_is_judged_before(shop: Shop, many: int) -> None:
    """The review is there yet, so that changing it is refused for being another's (422), not for want of it (404)."""
    shop.say(USER, 0)
    shop.apply(0)
    _, said = reviewed(USER, 0)
    theirs = catalog.ReviewUpdated(said.productid, said.reviewid, OTHER, 1, NOW, "mine", OTHER)
    shop.put(0, encode(shop.domain, catalog.REVIEW_UPDATED, theirs, key=said.productid, id="theirs", time=NOW))
    shop.erase(USER, "first")
    found = [shop.apply(0, many) for _ in range(1, len(shop.log[0]), many)]
    assert [refusal.code for each in found for refusal in each.refused] == ["invalid"]
    assert shop.shown() == 0


@pytest.mark.parametrize("many", [1, 1000])
def test_a_log_that_is_read_again_from_its_start_changes_nothing(shop: Shop, many: int) -> None:
    """As where a consumer's stored positions were lost."""
    shop.say(USER, 0)
    shop.erase(USER, "first")
    shop.say(USER, 1)
    shop.apply(0)
    shop.done[0] = 0
    again = [shop.apply(0, many) for _ in range(0, len(shop.log[0]), many)]
    assert shop.done[0] == len(shop.log[0])
    assert (shop.shown(), sum(each.duplicates for each in again)) == (1, 3)
    assert [refusal for each in again for refusal in each.refused] == []
