"""The last look of a session, after all that the other tests have done to the release (by the marker `last`):
no name and no secret that passed through the shop is in its logs, metrics and Events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shop_cluster.canaries import CANARY, events, logs, metrics, secrets, seen
from shop_cluster.installation import Installation


def send(shop: Installation, method: str, path: str, body: Any = None, **headers: str) -> int:
    sent = {"Prefer": "wait=10"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return shop.request(method, path, body=body and json.dumps(body).encode(), headers=sent).status


def pass_through(shop: Installation) -> None:
    """The canary in each place that a caller fills, on good ways and on bad ones."""
    purchase = {"username": CANARY, "userid": CANARY, "price": "1.00"}
    assert send(shop, "POST", "/v1/purchases", purchase) == 201
    product = shop.request("POST", "/v1/products", body=b'{"name": "lamp", "price": "5"}').json()["id"]
    review = {"userid": CANARY, "rating": 5, "text": CANARY, "displayName": CANARY}
    reviews = f"/v1/products/{product}/reviews"
    assert [send(shop, "POST", reviews, review) for _ in range(2)] == [201, 409]
    assert send(shop, "POST", f"/analytics?timestamp=1735689600000&user={CANARY}&click") == 204
    for price in ("1", "2"):
        send(shop, "POST", "/v1/purchases", purchase | {"price": price}, Idempotency_Key=CANARY)
    for bad in (purchase | {"price": CANARY}, purchase | {CANARY: 1}, {"username": CANARY * 99}, [CANARY]):
        assert send(shop, "POST", "/buy", bad) in (400, 422)
    for path in (f"/v1/users/{CANARY}", f"/getAllUserBuys/{CANARY}?cursor={CANARY}", f"/{CANARY}?{CANARY}={CANARY}"):
        send(shop, "GET", path)
    for credentials in (CANARY, f"shop_{CANARY}", f"shop_{'a' * 12}_{CANARY}"):
        assert send(shop, "GET", f"/v1/users/{CANARY}", Authorization=f"Bearer {credentials}") == 401
    assert send(shop, "GET", f"/v1/users/{CANARY}/export") == 200
    assert send(shop, "DELETE", f"/v1/users/{CANARY}") == 200


@pytest.mark.last
@pytest.mark.security(26)
def test_no_name_and_no_secret_of_the_whole_session_was_told(shop: Installation) -> None:
    pass_through(shop)
    wanted = secrets(shop) | {"the canary": CANARY, "the admin's key": shop.key}
    assert len(wanted) >= 10
    told = {"logs": logs(shop), "metrics": metrics(shop), "events": events(shop)}
    # What is there on purpose is found by the same look, so that its silence means something.
    assert len(seen({"a line": '"event": '}, told["logs"])) >= 7
    assert len(seen({"a metric": "# HELP shop_"}, told["metrics"])) >= 8
    assert seen({"an Event": "TopicCreated"}, told["events"])
    assert seen(wanted, told["logs"] | told["metrics"] | told["events"]) == []
