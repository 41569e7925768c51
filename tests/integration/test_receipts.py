"""Receipts: `accepted` means that Kafka has the event, and one that nobody was given is told at once."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events import DOMAINS
from shop_core.kafka.topic_reader import topic_log

if TYPE_CHECKING:
    from tests.conftest import Platform


def get(platform: Platform, path: str) -> Any:
    return platform.request("GET", path)


def beyond(platform: Platform, topic: str, partition: int = 5, by: int = 0) -> str:
    with topic_log(platform.kafka, topic) as log:
        return f"{topic}-{partition}-{log.ends()[partition] + by}"


@pytest.mark.parametrize("topic", [domain.topic for domain in DOMAINS.values()])
def test_a_receipt_from_beyond_the_end_is_told_at_once(platform: Platform, topic: str) -> None:
    for receipt in (f"{topic}-5-999999", beyond(platform, topic), beyond(platform, topic, by=10**12)):
        for how, status in (("", 404), ("?wait=9", 404)):
            started = time.monotonic()
            answer = get(platform, f"/v1/receipts/{receipt}{how}")
            assert (answer.status, answer.json()["field"]) == (status, "receipt"), receipt
            assert time.monotonic() - started < 3
        started = time.monotonic()
        answer = get(platform, f"/v1/users/nobody?after={receipt}")
        assert (answer.status, answer.json()["field"]) == (400, "after")
        assert "ends at offset" in answer.json()["detail"] and time.monotonic() - started < 3
    for other in (f"{topic}-999-0", f"{topic}-12-0"):
        assert get(platform, f"/v1/receipts/{other}").status == 404


def test_a_receipt_just_given_is_never_unknown(platform: Platform) -> None:
    user = f"fresh-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"username": user, "userid": user, "price": "1"}).encode()
    headers = {"Content-Type": "application/json"}
    for number in range(150):
        receipt = platform.request("POST", "/v1/purchases", body=body, headers=headers).json()["receipt"]
        answer = get(platform, f"/v1/receipts/{receipt}" + ("?wait=5" if number % 3 == 0 else ""))
        assert answer.status == 200 and answer.json()["state"] in ("accepted", "stored"), answer.data


def test_what_waits_is_accepted_while_its_consumer_is_away(platform: Platform, until: Callable[..., None]) -> None:
    """And a receipt beyond it is not, though the positions stand still."""
    until(platform.running, "everything runs")
    pid = platform.signal("campaigns-consumer-1", signal.SIGSTOP)
    try:
        body = json.dumps(
            {"name": "w", "startDate": "2027-01-01T00:00:00Z", "endDate": "2027-01-02T00:00:00Z"}
        ).encode()
        made = platform.request("POST", "/campaign-events/", body=body, headers={"Content-Type": "application/json"})
        receipt = made.json()["receipt"]
        topic, partition, offset = receipt.rsplit("-", 2)
        state = get(platform, f"/v1/receipts/{receipt}?wait=0.5").json()["state"]
        assert state == "accepted"
        assert get(platform, f"/v1/receipts/{topic}-{partition}-{int(offset) + 1}").status == 404
    finally:
        assert platform.signal("campaigns-consumer-1", signal.SIGCONT) == pid
    assert get(platform, f"/v1/receipts/{receipt}?wait=10").json()["state"] == "stored"


def test_while_kafka_says_nothing_a_receipt_is_believed(platform: Platform, until: Callable[..., None]) -> None:
    until(platform.running, "everything runs")
    receipt = "shop.purchases-5-999999999"
    assert get(platform, f"/v1/receipts/{receipt}").status == 404
    pid = platform.signal("kafka", signal.SIGSTOP)
    try:
        for _ in range(3):
            answer = get(platform, f"/v1/receipts/{receipt}")
            assert (answer.status, answer.json()["state"]) == (200, "accepted")
        assert get(platform, "/v1/receipts/shop.purchases-999-0").status == 404
    finally:
        assert platform.signal("kafka", signal.SIGCONT) == pid
    until(lambda: get(platform, f"/v1/receipts/{receipt}").status == 404, "Kafka says it again")
