"""How the door answers what Kafka refuses: by whose fault it is, and whether sending it again may help."""

from __future__ import annotations

import json
from typing import Any

from flask.testing import FlaskClient

from cm_server.context import PREFIX
from shop_core.testing import MemoryPublisher

BUY = {"username": "Ada", "userid": "ada-1", "price": "2.50"}
CAMPAIGN = {"name": "sale", "startDate": "2027-01-01T00:00:00Z", "endDate": "2027-02-01T00:00:00Z"}


def post(client: FlaskClient, path: str, body: Any) -> Any:
    return client.post(PREFIX + path, data=json.dumps(body), content_type="application/json")


def test_a_missing_topic_is_told_to_its_own_senders_and_not_as_try_again(
    client: FlaskClient, publisher: MemoryPublisher
) -> None:
    publisher.missing.add("shop.campaigns")
    answer = post(client, "/campaign-events/", CAMPAIGN)
    assert answer.status_code == 503 and "Retry-After" not in answer.headers
    assert answer.content_type == "application/problem+json"
    for words in ("shop.campaigns", "UNKNOWN_TOPIC_OR_PARTITION", "operator"):
        assert words in answer.json["detail"]
    assert "can be sent again" not in answer.json["detail"]
    assert post(client, "/buy", BUY).status_code == 200


def test_a_record_that_is_too_large_is_413(client: FlaskClient, publisher: MemoryPublisher) -> None:
    publisher.limits["shop.purchases"] = 50
    answer = post(client, "/buy", BUY)
    assert answer.status_code == 413 and "Retry-After" not in answer.headers
    assert "MESSAGE_TOO_LARGE" in answer.json["detail"]


def test_an_outage_may_be_tried_again(client: FlaskClient, publisher: MemoryPublisher) -> None:
    publisher.away = True
    answer = post(client, "/buy", BUY)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def test_a_line_that_kafka_does_not_take_leaves_the_others_theirs(
    client: FlaskClient, publisher: MemoryPublisher
) -> None:
    publisher.limits["shop.purchases"] = 120
    lines = [BUY, BUY | {"username": "A" * 100}, BUY | {"userid": "b"}]
    answer = post(client, "/v1/purchases:batch", lines)
    assert answer.status_code == 202
    assert (answer.json["accepted"], answer.json["failed"]) == (2, 1)
    first, second, third = answer.json["results"]
    assert [each["status"] for each in (first, second, third)] == [202, 413, 202]
    assert "MESSAGE_TOO_LARGE" in second["detail"]
    assert "receipt" in first and "receipt" in third and "receipt" not in second
    publisher.missing.add("shop.purchases")
    assert post(client, "/v1/purchases:batch", lines).status_code == 503
