"""What can never be applied by no fault of its own is set aside alone, with its class; the rest is stored in order."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from cm_api.batch_result import Outcome
from cm_api.contract import ReadModel
from cm_api.domains.purchases.read_model import READ_MODEL
from cm_api.domains.purchases.store import PurchaseStore
from cm_api.pipeline.apply import Applier
from cm_api.pipeline.partitions import Moves
from cm_api.settings import ConsumerSettings
from shop_core.config.settings import load
from shop_core.errors import Unavailable, WriteConflict
from shop_core.events.envelope import Event, Message
from shop_core.events.purchases import DOMAIN
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topic_reader import read_all
from shop_core.mongo.positions import Move, Position, Positions

if TYPE_CHECKING:
    from tests.conftest import Platform

BEYOND = 1_000_000_000  # the receipts of these records must name no other


@pytest.fixture
def user() -> str:
    return f"aside-{uuid.uuid4().hex[:10]}"


def record_of(user: str, price: str, number: int) -> Message:
    """An ordinary purchase, as cm-server makes it, at an offset that no record of the platform's own has."""
    headers = {"ce_id": f"{user}-{number}", "ce_type": "shop.purchase.made.v1", "ce_source": "/scalable-shop/cm-server"}
    headers |= {"ce_specversion": "1.0", "ce_time": "2026-02-03T04:05:06Z"}
    value = f'{{"username":"{user}","userid":"{user}","price":"{price}","timestamp":"2026-02-03T04:05:06Z"}}'
    named = tuple((name, text.encode()) for name, text in headers.items())
    return Message(DOMAIN.topic, 0, BEYOND + number, user.encode(), value.encode(), named)


def test_what_the_database_refuses_for_good_is_set_aside_alone_and_can_be_sent_again(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None], user: str
) -> None:
    index = platform.db["purchases"].create_index(
        [("userid", 1), ("price", 1)], unique=True, partialFilterExpression={"userid": user}
    )
    sent = [record_of(user, price, number) for number, price in enumerate(["1", "2", "1", "3", "2", "4"])]
    receipts = publisher.publish(sent)  # type: ignore[arg-type]  # a message has all that a record has
    states = [platform.request("GET", f"/v1/receipts/{receipt}?wait=10").json() for receipt in receipts]
    assert [each["state"] for each in states] == ["stored", "stored", "rejected", "stored", "rejected", "stored"]
    assert {each["status"] for each in states if each["state"] == "rejected"} == {500}
    assert "11000" in states[2]["reason"]
    assert user not in states[2]["reason"]
    assert platform.document("users", user)["count"] == 4

    def letters() -> list[str]:
        found = [dict(letter.headers) for letter in read_all(platform.kafka, DOMAIN.dlq) if letter.key == user.encode()]
        return [(headers["dlq_class"] or b"").decode() for headers in found]

    until(lambda: letters() == ["permanent", "permanent"], "both are in the DLQ, by class")
    platform.db["purchases"].drop_index(index)
    for receipt in (receipts[2], receipts[4]):
        done = platform.shopctl("dlq", "redrive", receipt)
        assert done.returncode == 0, done
    until(lambda: platform.document("users", user)["count"] == 6, "what was set aside is stored")


def faulty(faults: dict[str, list[Exception]]) -> ReadModel[PurchaseStore]:
    """The purchases, with a projection that fails on what `faults` says, as one with a fault of ours would."""

    def apply(store: PurchaseStore, events: Sequence[Event]) -> Outcome:
        for event in events:
            if left := faults.get(event.data.price, []):
                raise left.pop(0)
        return READ_MODEL.apply(store, events)

    return dataclasses.replace(READ_MODEL, apply=apply)


class Standing:
    """Where a group of one partition stands, as an `Applier` needs it."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.at = Position(0, "id")
        positions.put((DOMAIN.topic, 0), self.at)

    def moves(self, messages: Sequence[Message]) -> Moves:
        return {(DOMAIN.topic, 0): Move(self.at, messages[-1].offset + 1)}

    def advance(self, moves: Moves) -> None:
        self.at = Position(moves[(DOMAIN.topic, 0)].end, "id")


@pytest.fixture
def applier(platform: Platform, user: str) -> Iterator[Applier]:
    """One over the platform's database, on positions of a group that no consumer has."""
    settings = load(ConsumerSettings, {"MONGODB_URI": platform.mongodb_uri})
    beats: list[None] = []
    standing: Any = Standing(Positions(platform.db, f"group-{user}"))
    yield Applier(DOMAIN, settings, platform.db, standing, lambda: beats.append(None))
    assert beats


def stored(platform: Platform, user: str) -> list[str]:
    return sorted(str(doc["price"]) for doc in platform.db["purchases"].find({"userid": user}))


def test_a_fault_of_ours_is_set_aside_alone_and_in_order(platform: Platform, applier: Applier, user: str) -> None:
    always: list[Exception] = [TypeError("a fault of ours") for _ in range(99)]
    applier._model = faulty({"7": always})
    batch = [record_of(user, str(number), number) for number in range(20)]
    outcome = applier.apply(batch)
    assert (outcome.applied, [(r.receipt, r.kind, r.code) for r in outcome.refused]) == (
        19,
        [(f"{DOMAIN.topic}-0-{BEYOND + 7}", "fault", "failed")],
    )
    assert stored(platform, user) == sorted(str(number) for number in range(20) if number != 7)
    assert applier._partitions.positions.topic(DOMAIN.topic) == {0: BEYOND + 20}
    kept = platform.document("rejections", outcome.refused[0].receipt)
    assert kept["class"] == "fault"
    platform.db["rejections"].delete_one({"_id": kept["_id"]})


def test_what_fails_once_is_tried_again_and_stored(platform: Platform, applier: Applier, user: str) -> None:
    applier._model = faulty({"3": [KeyError("once")]})
    outcome = applier.apply([record_of(user, str(number), number) for number in range(6)])
    assert (outcome.applied, list(outcome.refused)) == (6, [])
    assert len(stored(platform, user)) == 6


def test_a_conflict_is_tried_again_at_once_and_an_outage_is_left_to_the_caller(
    platform: Platform, applier: Applier, user: str
) -> None:
    applier._model = faulty({"1": [WriteConflict("another one came first")] * 3})
    assert applier.apply([record_of(user, "1", 0)]).applied == 1
    for fault in (Unavailable("away"), WriteConflict("again and again")):
        applier._model = faulty({"2": [fault] * 99})
        with pytest.raises(Unavailable):
            applier.apply([record_of(user, "2", 1)])
    assert stored(platform, user) == ["1"]
    assert applier._partitions.positions.topic(DOMAIN.topic) == {0: BEYOND + 1}
