"""One event followed on a real platform: by its receipt, its id and its request, over HTTP and by the command line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop_core.events.catalog import RATINGS_TOPIC
from shop_core.events.envelope import Record
from shop_core.events.purchases import DOMAIN
from shop_core.events.trace_context import request_of, trace_of
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topic_reader import read_all

Until = Callable[..., None]
PARENT = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
STORED = {"Content-Type": "application/json", "Prefer": "wait=10"}


def trace(platform: Any, query: str, status: int = 200) -> Any:
    for _ in range(10):
        answer = platform.request("GET", f"/v1/ops/trace?{query}")
        if answer.status != 503:  # on a busy machine it is asked again, as Retry-After says
            break
    assert answer.status == status, answer.data
    return answer.json()


def bad(user: str) -> Record:
    """A purchase that its consumer refuses."""
    data = {"username": user, "userid": user, "price": "-1", "timestamp": "2026-02-03T04:05:06Z"}
    headers = [("ce_id", user), ("ce_type", "shop.purchase.made.v1"), ("ce_source", "/t"), ("ce_specversion", "1.0")]
    headers.append(("ce_time", "2026-02-03T04:05:06Z"))
    told = tuple((name, text.encode()) for name, text in headers)
    return Record(DOMAIN.topic, user.encode(), json.dumps(data).encode(), told)


@pytest.fixture
def request_id() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def user() -> str:
    return f"trace-{uuid.uuid4().hex[:8]}"


def buy(platform: Any, user: str, price: str, **headers: str) -> Any:
    body = json.dumps({"username": user, "userid": user, "price": price})
    return platform.request("POST", "/v1/purchases", body=body, headers=STORED | headers)


def test_a_purchase_is_followed_by_any_of_its_names(platform: Any, until: Until, user: str, request_id: str) -> None:
    until(platform.running, "everything runs")
    made = buy(platform, user, "5", **{"X-Request-Id": request_id}).json()
    by_receipt = trace(platform, f"receipt={made['receipt']}")
    (event,) = by_receipt["events"]
    assert (event["id"], event["requestId"], event["traceId"]) == (made["id"], request_id, request_id)
    assert (event["state"], event["domain"], event["type"]) == ("stored", "purchases", "shop.purchase.made.v1")
    assert [step["name"] for step in event["steps"]] == ["accepted", "logged", "stored"]
    assert event["steps"][0]["at"] <= event["steps"][1]["at"] and user not in json.dumps(by_receipt)
    for query in (f"id={made['id']}", f"requestId={request_id}"):
        found = trace(platform, query)
        assert [each["receipt"] for each in found["events"]] == [made["receipt"]]
        assert found["lookedAt"]["events"] > 0 and found["lookedAt"]["unread"] == []
    shown = platform.shopctl("trace", "--request-id", request_id, "--json", "--state-dir", str(platform.state_dir))
    assert shown.returncode == 0, shown
    assert json.loads(shown.stdout)["events"][0]["id"] == made["id"]
    plain = platform.shopctl("trace", made["receipt"], "--state-dir", str(platform.state_dir))
    assert plain.returncode == 0 and "at the door, by cm-server" in plain.stdout and "stored" in plain.stdout


def test_what_is_not_there_is_told_with_how_far_was_looked(platform: Any, request_id: str) -> None:
    found = trace(platform, f"requestId={request_id}")
    assert found["events"] == [] and found["lookedAt"]["events"] > 0
    assert found["lookedAt"]["whole"] or found["lookedAt"]["since"]
    for receipt in ("shop.purchases-5-999999999", "shop.purchases-999-0"):
        assert trace(platform, f"receipt={receipt}", 404)["field"] == "receipt"
    shown = platform.shopctl("trace", "--request-id", request_id, "--state-dir", str(platform.state_dir))
    assert (shown.returncode, shown.stdout) == (3, "") and "not found in" in shown.stderr


def test_a_refused_event_is_followed_to_what_it_became(
    platform: Any, publisher: KafkaPublisher, until: Until, user: str
) -> None:
    until(platform.running, "everything runs")
    record = bad(user)
    (receipt,) = publisher.publish([replace(record, headers=(*record.headers, ("ce_traceparent", PARENT.encode())))])
    letter = f"/v1/ops/dead-letters/{receipt}"
    until(lambda: platform.request("GET", letter).status == 200, "the letter is there", 30)
    (event,) = trace(platform, f"receipt={receipt}")["events"]
    assert event["state"] == "rejected" and "price" in event["reason"]
    body, headers = json.dumps({"set": {"price": "5"}}), {"Content-Type": "application/json"}
    sent = platform.request("POST", f"{letter}:redrive", body=body, headers=headers).json()
    found = trace(platform, f"receipt={sent['successor']}")["events"]
    assert [each["receipt"] for each in found] == [receipt, sent["successor"]]
    assert [each["state"] for each in found] == ["rejected", "stored"]
    assert [step["name"] for step in found[0]["steps"]][2:] == ["rejected", "dead letter", "redriven"]
    assert [step["name"] for step in found[1]["steps"]] == ["accepted", "sent again", "logged", "stored"]
    assert {each["traceId"] for each in found} == {PARENT.split("-")[1]}
    assert trace(platform, f"receipt={receipt}")["events"] == found


def test_a_rating_belongs_to_the_trace_of_its_review(platform: Any, until: Until, user: str, request_id: str) -> None:
    body = json.dumps({"name": "lamp", "price": "5"})
    product = platform.request("POST", "/v1/products", body=body, headers=STORED).json()["id"]
    said = json.dumps({"userid": user, "firstName": "Ada", "rating": 5})
    headers = STORED | {"X-Request-Id": request_id}
    made = platform.request("POST", f"/v1/products/{product}/reviews", body=said, headers=headers)
    assert made.status == 201, made.data

    def told() -> bool:
        found = [each for each in read_all(platform.kafka, RATINGS_TOPIC) if each.key == product.encode()]
        return [(request_of(each.headers), trace_of(each.headers)) for each in found] == [(request_id, request_id)]

    until(told, "the rating is told", 30)
