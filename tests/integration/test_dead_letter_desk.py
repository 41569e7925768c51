"""The dead-letter desk over HTTP on a real platform: seen, mended, sent again, put aside; by one desk at a time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events.envelope import Record
from shop_core.events.purchases import DOMAIN
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

DESK = "/v1/ops/dead-letters"
Until = Callable[..., None]


def bad(id: str, price: str = "-1") -> Record:
    data = {"username": id, "userid": id, "price": price, "timestamp": "2026-02-03T04:05:06Z"}
    attributes = {"id": id, "type": "shop.purchase.made.v1", "source": "/t", "specversion": "1.0"}
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    headers.append(("ce_time", b"2026-02-03T04:05:06Z"))
    return Record(DOMAIN.topic, id.encode(), json.dumps(data).encode(), tuple(headers))


def ask(platform: Platform, path: str, status: int = 200) -> Any:
    answer = platform.request("GET", f"{DESK}{path}")
    assert answer.status == status, answer.data
    return answer.json()


def do(platform: Platform, path: str, body: Any = None, status: int = 200) -> Any:
    headers = {"Content-Type": "application/json"}
    answer = platform.request("POST", f"{DESK}{path}", body=json.dumps(body or {}), headers=headers)
    assert answer.status == status, answer.data
    return answer.json()


@pytest.fixture
def user() -> str:
    return f"desk-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def sent(platform: Platform, publisher: KafkaPublisher, until: Until, user: str) -> list[str]:
    """The receipts of three purchases that were refused, which the desk shows."""
    until(platform.running, "everything runs")
    receipts = publisher.publish([bad(f"{user}-{number}") for number in range(3)])
    until(lambda: set(receipts) <= shown(platform).keys(), "the letters are listed", 30)
    return receipts


def shown(platform: Platform, query: str = "?limit=200") -> dict[str, Any]:
    answer = platform.request("GET", f"{DESK}{query}")
    return {each["receipt"]: each for each in answer.json()["letters"]} if answer.status == 200 else {}


def audited(platform: Platform) -> list[Any]:
    lines = (platform.state_dir / "logs" / "cm-ops.log").read_text().splitlines()
    return [json.loads(line) for line in lines if '"dead_letter_' in line]


def test_letters_are_listed_grouped_and_opened(platform: Platform, sent: list[str], user: str) -> None:
    letter = shown(platform)[sent[0]]
    assert (letter["domain"], letter["state"], letter["cause"]) == ("purchases", "open", "rejected")
    assert "price" in letter["reason"] and user not in json.dumps(letter)
    assert sent[0] not in shown(platform, "?domain=catalog") and sent[0] not in shown(platform, "?state=discarded")
    assert sent[0] in shown(platform, "?limit=200&reason=PRICE&type=shop.purchase.made.v1")
    groups = ask(platform, ":groups?domain=purchases&reason=price")["groups"]
    assert sum(each["count"] for each in groups) >= 3 and groups[0]["count"] >= 3
    whole = ask(platform, f"/{sent[0]}")
    assert whole["value"]["json"]["price"] == "-1" and whole["key"]["text"] == f"{user}-0"
    assert [each["field"] for each in whole["faults"]] == ["price"]
    assert ask(platform, "/shop.purchases-0-999999", 404)["field"] == "receipt"
    assert ask(platform, "?state=nowhere", 400)["field"] == "state"


def test_a_letter_is_sent_again_once_its_event_would_be_taken(platform: Platform, sent: list[str], user: str) -> None:
    path = f"/{sent[0]}:redrive"
    refused = do(platform, path, {"set": {"price": "-2"}}, 422)
    assert refused["field"] == "price" and shown(platform)[sent[0]]["state"] == "open"
    assert do(platform, path, {"set": {"price": "2"}, "dryRun": True})["state"] == "would be sent"
    assert platform.db["purchases"].find_one({"userid": f"{user}-0"}) is None
    done = do(platform, path, {"set": {"price": "2"}})
    assert done["state"] == "stored"
    assert [str(doc["price"]) for doc in platform.db["purchases"].find({"userid": f"{user}-0"})] == ["2"]
    again = do(platform, path, {"set": {"price": "2"}}, 409)
    assert done["successor"] in again["detail"]
    letter = shown(platform, "?state=redriven&limit=200")[sent[0]]
    assert (letter["successor"], letter["by"]) == (done["successor"], "anonymous")
    told = [each for each in audited(platform) if each["receipt"] == sent[0]]
    assert [(each["event"], each["by"], each["state"]) for each in told] == [
        ("dead_letter_redriven", "anonymous", "stored")
    ]


def test_of_many_who_send_one_letter_at_once_one_does(platform: Platform, sent: list[str], user: str) -> None:
    whole = {"value": {"username": user, "userid": f"{user}-1", "price": "3", "timestamp": "2026-02-03T04:05:06Z"}}

    def redrive(_: int) -> int:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(whole)
        status: int = platform.request("POST", f"{DESK}/{sent[1]}:redrive", body=body, headers=headers).status
        return status

    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(pool.map(redrive, range(3)))
    assert statuses == [200, 409, 409]
    assert platform.document("users", f"{user}-1")["count"] == 1


def test_what_is_refused_again_names_the_letter_before_it(
    platform: Platform, publisher: KafkaPublisher, until: Until, user: str
) -> None:
    """By a rule that the consumer alone knows: one review a user."""
    until(platform.running, "everything runs")
    review = {"userid": user, "rating": 4, "text": "said", "displayName": "Ada"}
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    product = platform.request("POST", "/v1/products", body=json.dumps({"name": "lamp", "price": "5"}), headers=headers)
    place = f"/v1/products/{product.json()['id']}/reviews"
    statuses = [platform.request("POST", place, body=json.dumps(review), headers=headers) for _ in range(2)]
    first = str(statuses[1].json()["receipt"])
    until(lambda: first in shown(platform), "the letter is listed", 30)
    done = do(platform, f"/{first}:redrive")
    assert done["state"] == "rejected" and done["why"]
    until(lambda: done["successor"] in shown(platform), "its successor is a letter as well", 30)
    whole = ask(platform, f"/{done['successor']}")
    assert whole["letter"]["redrivenOf"] == first and whole["letter"]["count"] == 2
    assert [each["receipt"] for each in whole["chain"]] == [first] and not whole["later"]
    assert [each["receipt"] for each in ask(platform, f"/{first}")["later"]] == [done["successor"]]


def test_letters_are_put_aside_with_a_note_one_and_many(platform: Platform, sent: list[str], user: str) -> None:
    chosen = {"domain": "purchases", "reason": "price"}
    tried = do(platform, ":discard", chosen)
    assert set(sent) <= {each["receipt"] for each in tried["outcomes"]}
    assert {each["state"] for each in tried["outcomes"]} == {"would be discarded"} and set(sent) <= shown(
        platform
    ).keys()
    one = do(platform, f"/{sent[0]}:discard", {"note": "a trial"})
    assert one["state"] == "discarded"
    assert shown(platform, "?state=discarded&limit=200")[sent[0]]["note"] == "a trial"
    do(platform, f"/{sent[0]}:discard", status=409)
    again = do(platform, ":redrive", chosen | {"dryRun": False})
    assert {each["state"] for each in again["outcomes"] if each["receipt"] in sent} == {"not sent"}
    done = do(platform, ":discard", chosen | {"dryRun": False, "note": "all of them"})
    assert {each["state"] for each in done["outcomes"]} == {"discarded"} and done["left"] == 0
    assert not set(sent) & shown(platform).keys()
    assert {each["receipt"] for each in audited(platform) if each["event"] == "dead_letter_discarded"} >= set(sent)
    listed = platform.shopctl("dlq", "list", "--all", "--json").stdout.splitlines()
    assert {json.loads(row)["resolution"] for row in listed if json.loads(row)["receipt"] in sent} == {"discarded"}
