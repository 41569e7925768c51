"""The catalog's projection on both stores, the fake and MongoDB: whatever the events and however they are cut into
batches, sent twice or replayed, the read models are those of the plainest model, and each rating is its recount."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cm_api.batch_result import Outcome
from cm_api.domains.catalog.projection import apply
from cm_api.domains.catalog.store import CatalogStore, ensure_indexes
from shop_core.config.settings import MongoSettings
from shop_core.events import catalog
from shop_core.events.envelope import Event
from shop_core.events.instants import Instant
from shop_core.mongo import client
from shop_core.testing import MemoryCatalog

START = datetime(2026, 1, 1, tzinfo=UTC)
PRODUCTS, USERS, REVIEWS = ("p1", "p2"), ("u1", "u2", "u3"), ("r1", "r2", "r3", "r4")
Step = tuple[str, str, str, str, int]  # what, product, user, review, stars
steps = st.tuples(
    st.sampled_from([*["add", "change", "take back"] * 3, "create", "delete", "patch"]),
    st.sampled_from(PRODUCTS),
    st.sampled_from(USERS),
    st.sampled_from(REVIEWS),
    st.integers(1, 5),
)


def to_event(number: int, step: Step) -> Event:
    what, product, user, review, stars = step
    moment = START + timedelta(minutes=(number * 7919) % 100)  # to and fro
    data: Any
    match what:
        case "create":
            type_, data = catalog.PRODUCT_CREATED, catalog.ProductCreated(product, f"Lamp {number}", f"{stars}.50", "x")
        case "patch":
            type_, data = catalog.PRODUCT_UPDATED, catalog.ProductUpdated(product, price=f"{number}.25")
        case "delete":
            type_, data = catalog.PRODUCT_DELETED, catalog.ProductDeleted(product)
        case "take back":
            type_, data = catalog.REVIEW_DELETED, catalog.ReviewDeleted(product, review, user)
        case _:
            struct = catalog.ReviewAdded if what == "add" else catalog.ReviewUpdated
            type_ = catalog.REVIEW_ADDED if what == "add" else catalog.REVIEW_UPDATED
            data = struct(product, review, user, stars, Instant.of(moment), f"text {number}", display_name=user)
    return Event(f"e{number}", type_, moment, f"d{number}", data, f"shop.catalog-0-{number}")


class Plain:
    """The rules in their shortest form: a dict of products, a dict of reviews."""

    def __init__(self) -> None:
        self.products: set[str] = set()
        self.reviews: dict[str, tuple[str, str, int]] = {}

    def take(self, step: Step) -> bool:
        what, product, user, review, stars = step
        if what == "create":
            fresh = product not in self.products
            self.products.add(product)
            return fresh
        if product not in self.products:
            return False
        if what == "delete":
            self.products.remove(product)
            self.reviews = {id: said for id, said in self.reviews.items() if said[0] != product}
        elif what == "add":
            if review in self.reviews or (product, user) in [said[:2] for said in self.reviews.values()]:
                return False
            self.reviews[review] = (product, user, stars)
        elif what in ("change", "take back"):
            if self.reviews.get(review, ("", "", 0))[:2] != (product, user):
                return False
            self.reviews[review] = (product, user, stars)
            if what == "take back":
                del self.reviews[review]
        return True


@contextmanager
def memory(_: Any) -> Iterator[tuple[Callable[[list[Event]], Outcome], Callable[[], Any]]]:
    store = MemoryCatalog()
    yield lambda events: apply(store, events), lambda: store  # type: ignore[arg-type]


@contextmanager
def mongodb(request: pytest.FixtureRequest) -> Iterator[tuple[Callable[[list[Event]], Outcome], Callable[[], Any]]]:
    platform = request.getfixturevalue("platform")
    chosen = MongoSettings(mongodb_uri=platform.mongodb_uri, mongodb_database=f"catalog_{uuid.uuid4().hex[:8]}")
    db = client.connect(chosen, "test")
    ensure_indexes(db)

    def take(events: list[Event]) -> Outcome:
        return client.in_transaction(db, lambda session: apply(CatalogStore(db, session), events))

    try:
        yield take, lambda: CatalogStore(db)
    finally:
        db.client.drop_database(db.name)
        db.client.close()


def check(made: list[Step], cuts: list[int], again: list[int], store: Any) -> None:
    """Apply `made` in batches of `cuts`, each followed by a second delivery of some events that came before."""
    take, read = store
    events = [to_event(number, step) for number, step in enumerate(made)]
    plain = Plain()
    accepted = {event.id for event, step in zip(events, made, strict=True) if plain.take(step)}
    applied: set[str] = set()
    told: dict[str, int] = {}
    position, turn = 0, 0
    while position < len(events):
        size = cuts[turn % len(cuts)]
        batch = events[position : position + size]
        replayed = [events[n] for n in again if n < position and events[n].id in applied]
        outcome = take(batch + replayed)
        refused = {refusal.receipt for refusal in outcome.refused}
        applied |= {event.id for event in batch if event.receipt not in refused}
        assert outcome.duplicates == len(replayed)
        # A product made anew under the same id, which no client can do, counts from 1.
        deleted = {step[1] for step in made[position : position + size] if step[0] == "delete"}
        for derived in outcome.derived:
            assert derived.sequence > told.get(derived.key, 0) or derived.key in deleted
            told[derived.key] = derived.sequence
        told = {id: sequence for id, sequence in told.items() if id not in deleted}
        position, turn = position + size, turn + 1
    assert applied == accepted
    compare(read(), plain)


def compare(store: Any, plain: Plain) -> None:
    reviews = {doc["_id"]: (doc["productid"], doc["userid"], doc["rating"]) for doc in store.every("reviews")}
    assert reviews == plain.reviews
    products = {doc["_id"]: doc for doc in store.every("products")}
    assert set(products) == plain.products
    for id, doc in products.items():
        stars = [said[2] for said in reviews.values() if said[0] == id]
        assert doc["rating"] == {
            "sum": sum(stars),
            "count": len(stars),
            "histogram": {str(number): stars.count(number) for number in range(1, 6)},
        }
        assert doc["description"] == "x"


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=60), st.lists(st.integers(1, 20), min_size=1, max_size=4), st.lists(st.integers(0, 40)))
def test_in_memory(made: list[Step], cuts: list[int], again: list[int]) -> None:
    with memory(None) as store:
        check([("create", "p1", "u1", "r1", 3), *made], cuts, again, store)


@settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate]
)
@given(made=st.lists(steps, min_size=20, max_size=60), cuts=st.lists(st.integers(1, 20), min_size=1, max_size=4))
def test_in_mongodb(request: pytest.FixtureRequest, made: list[Step], cuts: list[int]) -> None:
    with mongodb(request) as store:
        check([("create", "p1", "u1", "r1", 3), *made], cuts, [0, 5], store)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=50), st.lists(st.integers(1, 9), min_size=1), st.lists(st.integers(1, 30), min_size=1))
def test_batches_leave_no_trace(made: list[Step], some: list[int], other: list[int]) -> None:
    """A replay cuts the log elsewhere: it must come to the same documents, sequence numbers and versions included."""
    found = []
    for cuts in (some, other):
        store, position, turn = MemoryCatalog(), 0, 0
        events = [to_event(number, step) for number, step in enumerate(made)]
        while position < len(events):
            size = cuts[turn % len(cuts)]
            apply(store, events[position : position + size])  # type: ignore[arg-type]
            position, turn = position + size, turn + 1
        found.append(store.documents)
    assert found[0] == found[1]


def at_start(number: int, type_: str, data: Any) -> Event:
    return Event(f"e{number}", type_, START, "d", data, f"shop.catalog-0-{number}")


def test_long_texts_are_small_in_mongodb_and_whole_in_every_read(request: pytest.FixtureRequest) -> None:
    said, more, at = "It burns all night. " * 3000, "Not any more. " * 1000, Instant.of(START)
    with mongodb(request) as (take, read):
        new = catalog.ReviewAdded("p1", "r1", "u1", 5, at, said, display_name="U")
        lamp = catalog.ProductCreated("p1", "Lamp", "1", said)
        made = [at_start(0, catalog.PRODUCT_CREATED, lamp), at_start(1, catalog.REVIEW_ADDED, new)]
        assert take(made).refused == []
        store = read()
        raw = store._products.find_one()["description"], store._reviews.find_one()["text"]
        assert [type(each) for each in raw] == [bytes, bytes] and max(map(len, raw)) < len(said) / 50
        products = [store.product("p1"), *store.products(["p1"]), *store.every("products")]
        assert [doc["description"] for doc in [*products, store.numbered(["p1"])["p1"]]] == [said] * 4
        pages = [*store.reviews("p1", "newest", None, 5), *store.reviews_by("u1", None, 5)]
        reviews = [store.review("r1"), *store.some_reviews(["r1"]), *store.every("reviews"), *pages]
        assert [doc["text"] for doc in reviews] == [said] * 5

        changed = catalog.ProductUpdated("p1", description=more)
        shorter = catalog.ReviewUpdated("p1", "r1", "u1", 4, at, "short", display_name="U")
        later = [at_start(2, catalog.PRODUCT_UPDATED, changed), at_start(3, catalog.REVIEW_UPDATED, shorter)]
        assert take(later).refused == []
        assert (store.product("p1")["description"], store.review("r1")["text"]) == (more, "short")
        assert isinstance(store._products.find_one()["description"], bytes)
        store._reviews.update_one({"_id": "r1"}, {"$set": {"text": said}})
        assert store.review("r1")["text"] == said, "as it was stored before there were frames"


def test_a_key_used_for_another_command_is_refused() -> None:
    with memory(None) as (take, _):
        first = to_event(0, ("create", "p1", "u1", "r1", 3))
        take([first])
        other = to_event(1, ("create", "p2", "u1", "r1", 3))
        outcome = take([Event(first.id, other.type, other.time, other.digest, other.data, other.receipt)])
    assert [(refusal.receipt, refusal.code) for refusal in outcome.refused] == [("shop.catalog-0-1", "conflict")]
