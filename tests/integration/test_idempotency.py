"""Whose a key is, and what is one command though it was sent twice: on a real platform, without authentication."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Platform

AT = "2026-03-01T09:00:00Z"


def send(platform: Platform, method: str, path: str, body: Any = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = None if body is None else json.dumps(body).encode()
    return platform.request(method, path, body=sent, headers={"Content-Type": "application/json"} | named)


def purchase(user: str, price: str = "1", **more: Any) -> dict[str, Any]:
    return {"username": user, "userid": user, "price": price} | more


def fresh(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:10]}"


def stored(platform: Platform, user: str, after: str) -> list[str]:
    found = send(platform, "GET", f"/v1/users/{user}/purchases?after={after}").json()["purchases"]
    return [each["_id"] for each in found]


def test_two_users_use_one_key_and_each_has_their_own(platform: Platform) -> None:
    key, users = fresh("order-18"), (fresh("mara"), fresh("otto"))
    said = [send(platform, "POST", "/buy", purchase(user), Idempotency_Key=key).json() for user in users]
    again = send(platform, "POST", "/v1/purchases", purchase(users[0]), Idempotency_Key=key).json()
    assert said[0]["id"] == again["id"] != said[1]["id"]
    for user, each in zip(users, (again, said[1]), strict=True):
        assert stored(platform, user, each["receipt"]) == [each["id"]]
    batch = [purchase(user, "2") for user in users]
    lines = send(platform, "POST", "/v1/purchases:batch", batch, Idempotency_Key=key).json()["results"]
    turned = send(platform, "POST", "/v1/purchases:batch", batch[::-1], Idempotency_Key=key).json()["results"]
    assert len({line["id"] for line in lines + turned}) == 4, "each line is its user's own"


def test_a_used_key_is_told_at_once_by_whichever_worker(platform: Platform) -> None:
    user = fresh("used")
    for key in (fresh("k") for _ in range(20)):
        assert send(platform, "POST", "/buy", purchase(user), Idempotency_Key=key).status == 200
        refused = send(platform, "POST", "/buy", purchase(user, "2"), Idempotency_Key=key, Connection="close")
        assert (refused.status, refused.json()["field"]) == (409, "Idempotency-Key")
        assert "receipt" not in refused.json(), "nothing of it was published"


def test_a_key_that_was_used_before_this_process_began_is_told_at_once(
    platform: Platform, until: Callable[..., None]
) -> None:
    """One of three keys a command at least: of those cm-api is asked only briefly, and not for a second after."""
    user, keys, click = fresh("old"), [fresh("k") for _ in range(3)], "/analytics?timestamp=1772355600000&user="
    commands = [
        ("POST", "/v1/purchases", purchase(user), purchase(user, "2")),
        ("POST", "/v1/products", {"name": "a", "price": "1"}, {"name": "b", "price": "1"}),
        ("POST", f"{click}{user}&click", None, None),
        ("POST", "/campaign-events/", campaign("a"), campaign("b")),
    ]
    for (method, path, body, _), key in product(commands, keys):
        ask = partial(send, platform, method, path, body, Idempotency_Key=key, Prefer="wait=10")
        until(lambda ask=ask: ask().status in (201, 204), "it is stored")
    pid = platform.signal("cm-server", 9)
    until(lambda: platform.processes()["cm-server"].pid not in (pid, None) and alive(platform), "it runs again")
    for method, path, body, other in commands:
        path = path.replace("&click", "&impression")
        if other is not None:
            assert send(platform, method, path, body, Idempotency_Key=keys[0]).status == 202
        answers = [send(platform, method, path, other, Idempotency_Key=key).status for key in keys]
        assert 409 in answers, (path, answers)


def campaign(name: str) -> dict[str, str]:
    return {"name": name, "startDate": "2027-01-01T00:00:00Z", "endDate": "2027-01-02T00:00:00Z"}


def alive(platform: Platform) -> bool:
    try:
        return bool(send(platform, "GET", "/readyz").status == 200)
    except Exception:  # it is being started
        return False


def test_of_many_at_once_under_one_key_whoever_gets_2xx_has_their_own_stored(platform: Platform) -> None:
    user, key = fresh("race"), fresh("k")
    answers: list[tuple[str, Any]] = []
    barrier = threading.Barrier(12)

    def buy(price: str) -> None:
        barrier.wait(10)
        answers.append((price, send(platform, "POST", "/v1/purchases", purchase(user, price), Idempotency_Key=key)))

    threads = [threading.Thread(target=buy, args=(str(number % 4 + 1),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = {price: answer.json() for price, answer in answers if answer.status < 300}
    assert {answer.status for _, answer in answers} == {202, 409} and len(taken) == 1
    (price,) = taken
    kept = send(platform, "GET", f"/v1/users/{user}/purchases?after={taken[price]['receipt']}").json()["purchases"]
    assert [each["price"] for each in kept] == [price]


def test_a_purchase_that_names_its_moment_is_one_however_often_it_is_sent(platform: Platform) -> None:
    user = fresh("once")
    first = send(platform, "POST", "/buy", purchase(user, "1.50", timestamp=AT)).json()
    same = purchase(user, "1.50", timestamp="2026-03-01T10:00:00.000+01:00")
    again = send(platform, "POST", "/v1/purchases", same, Prefer="wait=10")
    assert (again.status, again.json()["id"]) == (201, first["id"])
    batch = [
        same,
        purchase(user, "1.50", timestamp=AT),
        purchase(user, "3", timestamp=AT),
        purchase(user),
        purchase(user),
    ]
    lines = send(platform, "POST", "/v1/purchases:batch", batch).json()["results"]
    assert [line["status"] for line in lines] == [202] * 5
    ids = [line["id"] for line in lines]
    assert ids[0] == ids[1] == first["id"]
    kept = stored(platform, user, lines[-1]["receipt"])
    assert sorted(kept) == sorted({first["id"], *ids}) and len(kept) == 4
    assert send(platform, "GET", f"/v1/users/{user}?after={lines[-1]['receipt']}").json()["count"] == 4
    refused = platform.db["rejections"].count_documents({"_id": {"$in": [line["receipt"] for line in lines]}})
    assert refused == 0


def test_a_review_that_names_its_moment_is_answered_like_the_first(platform: Platform) -> None:
    id = send(platform, "POST", "/v1/products", {"name": "p", "price": "1"}, Prefer="wait=10").json()["id"]
    review = {"userid": fresh("r"), "rating": 4, "text": "good", "displayName": "R", "timestamp": AT}
    path = f"/v1/products/{id}/reviews"
    first, again = (send(platform, "POST", path, review, Prefer="wait=10") for _ in range(2))
    assert (first.status, again.status) == (201, 201) and first.json()["id"] == again.json()["id"]
    assert send(platform, "POST", path, review | {"text": "bad"}, Prefer="wait=10").status == 409
    assert send(platform, "GET", f"/v1/products/{id}/rating").json()["reviewCount"] == 1


def test_a_review_of_a_product_that_is_not_there_is_refused_at_once(
    platform: Platform, until: Callable[..., None]
) -> None:
    review = {"userid": fresh("r"), "rating": 4, "text": "good", "displayName": "R"}
    refused = lambda: send(platform, "POST", "/v1/products/nowhere/reviews", review).status == 422  # noqa: E731
    until(refused, "the read model has all that is in the topic")
    for _ in range(20):  # at once after the product, which is on its way
        id = send(platform, "POST", "/v1/products", {"name": "p", "price": "1"}).json()["id"]
        assert send(platform, "POST", f"/v1/products/{id}/reviews", review).status == 202


def test_one_purchase_by_its_id(platform: Platform) -> None:
    user = fresh("one")
    made = send(platform, "POST", "/v1/purchases", purchase(user, "4.20", productid="p")).json()
    found = send(platform, "GET", f"/v1/purchases/{made['id']}?after={made['receipt']}")
    assert found.status == 200 and found.headers["ETag"]
    shown = {name: found.json()[name] for name in ("_id", "userid", "price", "productid")}
    assert shown == {"_id": made["id"], "userid": user, "price": "4.20", "productid": "p"}
    assert send(platform, "GET", f"/v1/purchases/{uuid.uuid4()}").status == 404


def test_what_is_gone_is_404_to_who_deletes_or_changes_it(platform: Platform) -> None:
    wait = {"Prefer": "wait=10"}
    product = send(platform, "POST", "/v1/products", {"name": "p", "price": "1"}, **wait).json()["id"]
    review = {"userid": "u", "rating": 4, "text": "good", "displayName": "R"}
    said = send(platform, "POST", f"/v1/products/{product}/reviews", review, **wait).json()["id"]
    planned = send(platform, "POST", "/campaign-events/", campaign(fresh("c")), **wait).json()["id"]
    event = send(platform, "POST", "/events/", campaign("e") | {"campaignEventId": planned}, **wait).json()["id"]
    for path, change, method in (
        (f"/v1/products/{product}/reviews/{said}?userid=u", review, "PUT"),
        (f"/events/{event}", {"name": "n"}, "PATCH"),
        (f"/campaign-events/{planned}", {"name": "n"}, "PATCH"),
        (f"/v1/products/{product}", {"price": "2"}, "PATCH"),
    ):
        assert [send(platform, "DELETE", path, **wait).status for _ in range(2)] == [204, 404], path
        changed = send(platform, method, path.partition("?")[0], change, **wait)
        assert changed.status == 404, (path, changed.data)
        told = send(platform, "GET", f"/v1/receipts/{changed.json()['receipt']}").json()
        assert (told["state"], told["status"]) == ("rejected", 404)
    late = send(platform, "DELETE", f"/v1/products/{product}/reviews/{said}?userid=u", **wait)
    assert late.status == 404, "of a product that is gone"
