"""The broker: nothing in the clear, nobody unknown, and each principal just what its work needs."""

from __future__ import annotations

import json
from typing import Any


def test_a_purchase_goes_through_in_whole(shop: Any) -> None:
    body = json.dumps({"username": "ada", "userid": "ada-1", "price": "12.50"})
    answer = shop.request(
        "POST", "/v1/purchases", body=body, headers={"Content-Type": "application/json", "Prefer": "wait=20"}
    )
    assert answer.status == 201, (answer.data, shop.log_of("purchases-consumer")[-3000:])
