"""One Idempotency-Key on two products in two partitions, past the door, as two pods of cm-server may let it: the log
has no order between partitions, so what was decided when the reviews were new is all that tells which one holds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from shop_core.events import catalog
from shop_core.events.envelope import digest_of, encode
from shop_core.events.instants import Instant
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

pytestmark = pytest.mark.slow


@pytest.fixture
def products(platform: Platform) -> tuple[str, str]:
    """Two, the first in a partition that a rebuild reads before the other's."""
    made: dict[int, str] = {}
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    while len(made) < 2:
        body = json.dumps({"name": "lamp", "price": "1"})
        answer = platform.request("POST", "/v1/products", body=body, headers=headers)
        assert answer.status == 201, answer.data
        made[int(answer.json()["receipt"].split("-")[-2])] = answer.json()["id"]
    return made[min(made)], made[max(made)]


def say(publisher: KafkaPublisher, product: str, key: str) -> str:
    """The receipt of a review under this key, by a user of its own, whatever the key was used for."""
    data = catalog.ReviewAdded(product, key, key, 5, Instant.of(datetime.now(UTC)), f"of {product}", "Somebody")
    digest = digest_of(product.encode())
    record = encode(
        catalog.DOMAIN, catalog.REVIEW_ADDED, data, key=product, id=key, time=datetime.now(UTC), digest=digest
    )
    return publisher.publish([record])[0]


def test_a_rebuild_keeps_the_review_that_was_stored_and_not_the_one_that_was_refused(
    platform: Platform, publisher: KafkaPublisher, products: tuple[str, str], until: Callable[..., None]
) -> None:
    def state(receipt: str) -> str:
        return str(platform.request("GET", f"/v1/receipts/{receipt}").json()["state"])

    def shown() -> dict[str, list[int]]:
        paths = {key: [f"/v1/products/{id}/reviews/{key}" for id in products] for key in keys}
        return {key: [platform.request("GET", path).status for path in paths[key]] for key in keys}

    keys = [str(uuid.uuid4()) for _ in range(2)]
    for key, order in zip(keys, (products, products[::-1]), strict=True):
        for product, expected in zip(order, ("stored", "rejected"), strict=True):
            receipt = say(publisher, product, key)
            until(lambda receipt=receipt: state(receipt) != "accepted", "the review is applied or refused")
            assert state(receipt) == expected
    decided = {keys[0]: [200, 404], keys[1]: [404, 200]}
    assert shown() == decided
    for flag in ("--check", "--repair"):
        done = platform.shopctl("rebuild", "catalog", flag)
        assert done.returncode == 0, done.stdout
        assert shown() == decided, f"after rebuild {flag}"
