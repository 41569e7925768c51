"""The HTTP contract of purchases, receipts, users and health, on a real platform."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from tests.conftest import Platform

JSON = {"Content-Type": "application/json"}


def buyer() -> str:
    return f"u-{uuid.uuid4().hex[:12]}"


def post(platform: Platform, path: str, body: Any, **headers: str) -> Any:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.request("POST", path, body=payload, headers=JSON | named)


def get(platform: Platform, path: str, **headers: str) -> Any:
    return platform.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def buy(platform: Platform, user: str, price: str = "19.90", **more: Any) -> dict[str, Any]:
    """One stored purchase."""
    answer = post(
        platform, "/v1/purchases", {"username": user, "userid": user, "price": price} | more, Prefer="wait=10"
    )
    assert answer.status == 201, answer.data
    found: dict[str, Any] = answer.json()
    return found


def test_buy_and_get_all_user_buys_have_the_shape_that_was_promised(platform: Platform) -> None:
    user = buyer()
    bought = post(platform, "/buy", {"username": user, "userid": "id-" + user, "price": "1195.30"})
    assert bought.status == 200
    said = bought.json()
    assert (said["status"], said["message"]) == ("Ok!", "Message successfully sent to Kafka!")
    assert bought.headers["X-Request-Id"]
    listed = get(platform, f"/getAllUserBuys/{user}?after={said['receipt']}").json()
    assert listed["username"] == user
    (purchase,) = listed["purchases"]
    assert {"_id", "username", "userid", "price", "timestamp"} <= set(purchase)
    assert (purchase["_id"], purchase["price"], purchase["userid"]) == (said["id"], "1195.30", "id-" + user)
    assert purchase["timestamp"].endswith("Z")
    assert listed["next"] is None
    assert get(platform, f"/get-all-user-buys/{user}").json() == listed


def test_a_receipt_tells_the_life_of_a_command(platform: Platform) -> None:
    answer = post(platform, "/v1/purchases", {"username": "r", "userid": "r", "price": "1"})
    assert answer.status == 202
    receipt = answer.json()["receipt"]
    assert answer.headers["Location"].endswith(f"/v1/receipts/{receipt}")
    assert get(platform, f"/v1/receipts/{receipt}?wait=10").json()["state"] == "stored"
    topic, partition, offset = receipt.rsplit("-", 2)
    assert get(platform, f"/v1/receipts/{topic}-{partition}-{int(offset) + 10**6}").status == 404
    assert get(platform, f"/v1/receipts/{topic}-999-0").status == 404
    assert get(platform, "/v1/receipts/nonsense").status == 400


def test_the_profile_is_what_the_purchases_give(platform: Platform) -> None:
    user = buyer()
    prices = ["0.10", "0.20", "1000000.05"]
    days = ["2026-03-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-02-01T00:00:00Z"]
    for price, day in zip(prices, days, strict=True):
        buy(platform, user, price, timestamp=day)
    profile = get(platform, f"/v1/users/{user}").json()
    assert profile["count"] == 3
    assert Decimal(profile["totalSpent"]) == sum(map(Decimal, prices))
    assert (profile["firstPurchase"], profile["lastPurchase"]) == (days[1], days[0])
    assert get(platform, f"/v1/users/{buyer()}").status == 404


def test_a_read_never_shows_less_than_its_reader_knows_to_be_stored(
    platform: Platform, until: Callable[..., None]
) -> None:
    """The cache keeps an answer for at most a second, and not beyond an event that it saw stored."""
    user = buyer()
    for number in range(1, 5):
        buy(platform, user)
        assert get(platform, f"/v1/users/{user}").json()["count"] == number
        assert len(get(platform, f"/getAllUserBuys/{user}").json()["purchases"]) == number
    post(platform, "/buy", {"username": user, "userid": user, "price": "1"})  # stored without anyone asking
    until(lambda: get(platform, f"/v1/users/{user}").json()["count"] == 5, "the cached answer ages")


def test_pages_show_each_purchase_once_while_others_arrive(platform: Platform) -> None:
    user = buyer()
    lines = [
        {"username": user, "userid": user, "price": "1", "timestamp": f"2026-01-01T00:{n:02d}:00Z"} for n in range(60)
    ]
    batch = post(platform, "/v1/purchases:batch", lines)
    assert (batch.status, batch.json()["accepted"], batch.json()["failed"]) == (202, 60, 0)
    wanted = {result["id"] for result in batch.json()["results"]}
    after, cursor, seen = batch.json()["results"][-1]["receipt"], "", []
    for page in itertools.count():
        answer = get(platform, f"/v1/users/{user}/purchases?limit=7&after={after}{cursor}").json()
        seen += answer["purchases"]
        if page % 3 == 0:
            buy(platform, user, timestamp="2026-06-01T00:00:00Z")
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert [p["_id"] for p in seen if p["_id"] in wanted] == [p["_id"] for p in seen]
    assert len(seen) == len({p["_id"] for p in seen}) == 60
    assert [p["timestamp"] for p in seen] == sorted((p["timestamp"] for p in seen), reverse=True)
    ranged = get(platform, f"/getAllUserBuys/{user}?from=2026-01-01T00:10:00Z&to=2026-01-01T00:20:00Z").json()
    assert [p["timestamp"][14:16] for p in ranged["purchases"]] == [str(n) for n in range(19, 9, -1)]


def test_a_batch_answers_by_line(platform: Platform) -> None:
    user = buyer()
    good = {"username": user, "userid": user, "price": "5"}
    lines = [json.dumps(good), "{", json.dumps(good | {"price": "x"}), json.dumps(good)]
    payload = "\n".join(lines).encode()
    answer = platform.request(
        "POST", "/v1/purchases:batch", body=payload, headers={"Content-Type": "application/x-ndjson"}
    ).json()
    assert (answer["accepted"], answer["failed"]) == (2, 2)
    assert [(r["line"], r["status"], r.get("field")) for r in answer["results"]] == [
        (1, 202, None), (2, 400, "body"), (3, 422, "price"), (4, 202, None),
    ]  # fmt: skip


def test_a_read_that_did_not_change_is_not_sent_again(platform: Platform) -> None:
    user = buyer()
    buy(platform, user)
    first = get(platform, f"/getAllUserBuys/{user}")
    again = get(platform, f"/getAllUserBuys/{user}", If_None_Match=first.headers["ETag"])
    assert (again.status, again.data) == (304, b"")
    receipt = buy(platform, user)["receipt"]
    changed = get(platform, f"/getAllUserBuys/{user}?after={receipt}", If_None_Match=first.headers["ETag"])
    assert changed.status == 200


@pytest.mark.parametrize("user", ["a/b", "x/purchases", "ünï çødé", "50%", "a?b#c", "//", "%2F", "+", "<b>"])
def test_any_printable_name_is_found_again(platform: Platform, user: str) -> None:
    from urllib.parse import quote

    name = f"{user}-{buyer()}"
    receipt = buy(platform, name)["receipt"]
    path = quote(name, safe="")
    for listed in (f"/getAllUserBuys/{path}", f"/v1/users/{path}/purchases"):
        assert len(get(platform, f"{listed}?after={receipt}").json()["purchases"]) == 1, listed
    assert get(platform, f"/v1/users/{path}").json()["userid"] == name


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"price": "-1"}, 422, "price"),
        ({"price": 1.999}, 422, "price"),
        ({"username": ""}, 422, "username"),
        ({"userid": "x" * 129}, 422, "userid"),
        ({"timestamp": "tomorrow"}, 422, "timestamp"),
        ({"timestamp": "2999-01-01T00:00:00Z"}, 422, "timestamp"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
@pytest.mark.parametrize("path", ["/buy", "/v1/purchases"])
def test_bad_input_is_named(platform: Platform, path: str, changes: dict[str, Any], status: int, field: str) -> None:
    answer = post(platform, path, {"username": "a", "userid": "b", "price": "1"} | changes)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert (answer.json()["field"], answer.json()["status"]) == (field, status)


@pytest.mark.security(23, 25)
def test_requests_that_make_no_sense_are_4xx_problems(platform: Platform) -> None:
    cases = [
        (post(platform, "/buy", b"{"), 400),
        (post(platform, "/buy", b"x" * 17_000), 413),
        (post(platform, "/v1/purchases:batch", b"x" * (1024 * 1024 + 1)), 413),
        (post(platform, "/v1/purchases:batch", b"{}\n" * 1001), 422),
        (platform.request("POST", "/buy", body=b"a=b", headers={"Content-Type": "text/plain"}), 415),
        (platform.request("POST", "/v1/purchases:batch", body=b"a", headers={"Content-Type": "text/xml"}), 415),
        (post(platform, "/buy", {}, Prefer="wait=soon"), 422),  # a preference is never a fault: the body is
        (post(platform, "/buy", {}, Idempotency_Key="k" * 300), 400),
        (post(platform, "/buy", {}, Idempotency_Key="two words"), 400),
        (get(platform, "/buy"), 405),
        (get(platform, "/nothing"), 404),
        (get(platform, "/getAllUserBuys/a?limit=0"), 400),
        (get(platform, "/getAllUserBuys/a?cursor=zzz"), 400),
        (get(platform, "/getAllUserBuys/a?from=soon"), 400),
        (get(platform, "/getAllUserBuys/a?colour=red"), 400),
        (get(platform, "/getAllUserBuys/a?after=x"), 400),
    ]
    for answer, status in cases:
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.data
        assert answer.json()["requestId"] == answer.headers["X-Request-Id"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert b"Traceback" not in answer.data and b".py" not in answer.data


def test_one_key_is_one_purchase_and_another_body_is_refused(platform: Platform) -> None:
    user, key = buyer(), uuid.uuid4().hex
    body = {"username": user, "userid": user, "price": "7"}
    first = post(platform, "/v1/purchases", body, Idempotency_Key=key, Prefer="wait=10")
    again = post(platform, "/buy", body, Idempotency_Key=key, Prefer="wait=10")
    other = post(platform, "/v1/purchases", body | {"price": "8"}, Idempotency_Key=key, Prefer="wait=10")
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert first.json()["id"] == again.json()["id"] == other.json()["id"]
    state = get(platform, f"/v1/receipts/{other.json()['receipt']}").json()
    assert (state["state"], bool(state["reason"])) == ("rejected", True)
    listed = get(platform, f"/getAllUserBuys/{user}?after={other.json()['receipt']}").json()["purchases"]
    assert [purchase["price"] for purchase in listed] == ["7"]


def test_health_readiness_and_metrics(platform: Platform) -> None:
    assert get(platform, "/healthz").data == b"Success"
    ready = get(platform, "/readyz")
    assert ready.status == 200
    assert set(ready.json()["dependencies"]) == {"kafka", "cm-api"}
    given = get(platform, "/healthz", X_Request_Id="mine-1")
    assert given.headers["X-Request-Id"] == "mine-1"
    assert b"shop_http_request_duration_seconds" in get(platform, "/metrics").data
    consumer = platform.http.request("GET", f"http://127.0.0.1:{platform.ports.health}/metrics")
    for name in (b"shop_consumer_batch_events", b"shop_event_delay_seconds", b"shop_consumer_lag_events"):
        assert name in consumer.data


def test_a_refusal_by_the_head_goes_out_at_once_and_ends_the_connection(platform: Platform) -> None:
    """Its body may never come; and a next request could not be told from the rest of it."""
    connection = HTTPConnection(HOST, platform.ports.cm_server, timeout=10)
    body = b'{"username":"early","userid":"early","price":"1"}'
    connection.putrequest("POST", f"{PREFIX}/buy")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Idempotency-Key", "k" * 300)
    connection.endheaders()
    refused = connection.getresponse()
    assert (refused.status, refused.headers["Connection"]) == (400, "close")
    assert json.loads(refused.read())["field"] == "Idempotency-Key"
    connection.close()
    connection.request("POST", f"{PREFIX}/buy", body)
    assert connection.getresponse().status == 200
    connection.close()
