"""The fifth domain on a real platform. `test_fifth_domain.py` runs it in a copy of the tree in which there is one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Platform


class Wisher:
    """A user, and what they send."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.id = f"wisher-{uuid.uuid4().hex[:10]}"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = None if body is None else json.dumps(body)
        named = {"Content-Type": "application/json", "Prefer": "wait=10"} | headers
        return self.platform.request(method, path, body=sent, headers=named)

    def wish(self, product: str, key: str = "") -> Any:
        named = {"Idempotency-Key": key} if key else {}
        return self.send("POST", f"/v1/wishlists/{self.id}", {"productid": product}, **named)

    def wishes(self) -> Any:
        return self.send("GET", f"/v1/wishlists/{self.id}").json()["products"]

    def others(self) -> Any:
        return self.send("GET", f"/v1/users/{self.id}/export").json().get("others")


@pytest.fixture
def wisher(platform: Platform) -> Wisher:
    return Wisher(platform)


def test_a_wish_is_stored_once_and_a_second_one_is_rejected_by_name(wisher: Wisher) -> None:
    first, again = wisher.wish("p1", "one"), wisher.wish("p1", "one")
    assert (first.status, again.status, first.json()["id"]) == (201, 201, again.json()["id"])
    refused = wisher.wish("p1")
    assert (refused.status, refused.json()["detail"]) == (409, "product p1 is on this list already")
    assert wisher.wish("p2", "one").status == 409, "the key is known for another command"
    state = wisher.send("GET", f"/v1/receipts/{refused.json()['receipt']}").json()
    assert (state["state"], state["status"]) == ("rejected", 409)
    assert wisher.wish("").status == 422
    assert wisher.wishes() == ["p1"]


def test_what_was_rejected_is_a_dead_letter(wisher: Wisher, until: Callable[..., None]) -> None:
    assert [wisher.wish("p1").status, wisher.wish("p1").status] == [201, 409]

    def listed() -> bool:
        done = wisher.platform.shopctl("dlq", "list", "--domain", "wishlists", "--json")
        assert done.returncode == 0, done
        return wisher.id in done.stdout

    until(listed, "the rejected wish is among the dead letters")


def test_it_is_told_and_erased_with_its_user_and_rebuilt_as_it_is(wisher: Wisher) -> None:
    assert [wisher.wish(product).status for product in ("p2", "p1")] == [201, 201]
    assert wisher.others() == {"wishes": ["p1", "p2"]}
    other = Wisher(wisher.platform)
    assert other.wish("p3").status == 201
    assert wisher.send("DELETE", f"/v1/users/{wisher.id}").status == 200
    assert (wisher.others(), wisher.wishes()) == (None, [])
    assert wisher.wish("p1").status == 201, "who comes back begins anew"

    rebuilt = wisher.platform.shopctl("rebuild", "wishlists")
    assert rebuilt.returncode == 0 and "every document is the same" in rebuilt.stdout, rebuilt
    assert (wisher.wishes(), other.wishes()) == (["p1"], ["p3"])
    assert other.wish("p4").status == 201
    assert (other.wishes(), other.wish("p3").status) == (["p3", "p4"], 409)


def test_it_is_in_the_description_of_the_api_and_of_the_events(wisher: Wisher) -> None:
    described = wisher.send("GET", "/openapi.json").json()
    assert set(described["paths"]["/v1/wishlists/{userid}"]) == {"post", "get"}
