"""What customers send, on a real platform: names and moments come back as they were sent, and every fault is told."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from shop_core.events.envelope import Record

if TYPE_CHECKING:
    from tests.conftest import Platform

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
NAMES = ["علی‌رضا", "山田　太郎", "क्‍ष 👩‍👩‍👧‍👦", "e\u0301é\u200f\ue000"]
FORMS = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.204Z", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.120000Z",
         "2026-01-02T03:04:05.123456Z"]  # fmt: skip


def unique(word: str = "in") -> str:
    return f"{word}-{uuid.uuid4().hex[:10]}"


def send(platform: Platform, path: str, body: Any, method: str = "POST", **headers: str) -> Any:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.request(method, path, body=payload, headers=JSON | named)


def get(platform: Platform, path: str) -> Any:
    return platform.request("GET", path)


def fields(answer: Any) -> set[str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.data
    told = answer.json()
    assert told["errors"][0]["field"] == told["field"]
    assert len({(each["field"], each["detail"]) for each in told["errors"]}) == len(told["errors"])
    assert "Expected" not in answer.data.decode()
    assert "expected str" not in answer.data.decode()
    return {each["field"] for each in told["errors"]}


@pytest.mark.parametrize("at", FORMS)
def test_a_moment_is_answered_as_it_was_sent_by_every_route(platform: Platform, at: str) -> None:
    user = unique()
    bought = send(platform, "/buy", {"username": user, "userid": user, "price": "1", "timestamp": at}).json()
    after = f"?after={bought['receipt']}"
    for path in (f"/getAllUserBuys/{user}", f"/v1/users/{user}/purchases", f"/v1/users/{user}/export"):
        (purchase,) = get(platform, path + after).json()["purchases"]
        assert purchase["timestamp"] == at, path
    profile = get(platform, f"/v1/users/{user}").json()
    assert (profile["firstPurchase"], profile["lastPurchase"]) == (at, at)

    product = send(platform, "/v1/products", {"name": "Lamp", "price": "1"}).json()["id"]
    review = {"userid": user, "displayName": "A", "rating": 5, "timestamp": at}
    said = send(platform, f"/v1/products/{product}/reviews", review)
    assert said.status == 201, said.data
    place = f"/v1/products/{product}/reviews/{said.json()['id']}"
    send(platform, place, review | {"rating": 4}, "PUT")
    shown = get(platform, place).json()
    assert (shown["timestamp"], shown["updatedAt"]) == (at, at)
    assert get(platform, f"/v1/users/{user}/export").json()["reviews"][0]["timestamp"] == at


@pytest.mark.parametrize("end", ["2027-01-02T03:04:05Z", "2027-01-02T03:04:05.204Z", "2027-01-02T03:04:05.000Z"])
def test_a_campaigns_dates_are_answered_as_they_were_sent(platform: Platform, end: str) -> None:
    start = end.replace("2027", "2026")
    dates = {"startDate": start, "endDate": end}
    id = send(platform, "/campaign-events/", {"name": unique(), **dates}).json()["id"]
    event = send(platform, "/events/", {"name": "E", "campaignEventId": id, **dates}).json()["id"]
    found = [get(platform, f"/campaign-events/{id}").json(), get(platform, f"/events/{event}").json()]
    found += get(platform, f"/campaign-events/{id}/events").json()["events"]
    found += [each for each in get(platform, "/campaign-events/live?limit=200").json()["campaigns"] if each["id"] == id]
    assert [(each["startDate"], each["endDate"]) for each in found] == [(start, end)] * 4
    send(platform, f"/campaign-events/{id}", {"endDate": "2027/02/01 00:00:00"}, "PATCH")
    changed = get(platform, f"/campaign-events/{id}").json()
    assert (changed["startDate"], changed["endDate"]) == (start, "2027-02-01T00:00:00Z")
    platform.request("DELETE", f"/campaign-events/{id}", headers=JSON)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_people_have_is_taken_everywhere(platform: Platform, name: str) -> None:
    mine = f"{name} {unique()}"
    path = quote(mine, safe="")
    bought = send(platform, "/v1/purchases", {"username": mine, "userid": mine, "price": "1"})
    assert bought.status == 201, bought.data
    for listed in (f"/getAllUserBuys/{path}", f"/v1/users/{path}/purchases"):
        (purchase,) = get(platform, listed).json()["purchases"]
        assert (purchase["username"], purchase["userid"]) == (mine, mine)
    product = send(platform, "/v1/products", {"name": mine, "price": "1", "tags": [name]})
    assert product.status == 201, product.data
    shown = get(platform, f"/v1/products/{product.json()['id']}").json()
    assert (shown["name"], shown["tags"]) == (mine, [name])
    assert [each["name"] for each in get(platform, f"/v1/products?prefix={path}").json()["products"]] == [mine]
    review = {"userid": mine, "firstName": name, "lastName": name, "displayName": mine, "rating": 5}
    said = send(platform, f"/v1/products/{product.json()['id']}/reviews", review)
    assert said.status == 201, said.data
    campaign = {"name": mine, "startDate": "2025/01/01 00:00:00", "endDate": "2025/01/02 00:00:00"}
    planned = send(platform, "/campaign-events/", campaign)
    assert planned.status == 201, planned.data
    assert get(platform, f"/campaign-events/{planned.json()['id']}").json()["name"] == mine
    clicked = platform.request("POST", f"/analytics?timestamp=1735689600000&user={path}&click", headers=JSON)
    assert clicked.status == 204, clicked.data


@pytest.mark.parametrize("bad", ["a\x00b", "a\u0085", "\u2028", "a\u202eb", "\u2066", "\ud800", "x" * 129])
def test_what_is_no_name_is_refused_at_its_field(platform: Platform, bad: str) -> None:
    answer = send(platform, "/buy", {"username": bad, "userid": "a", "price": "1"})
    assert (answer.status, fields(answer)) == (422, {"username"})
    answer = send(platform, "/v1/products", {"name": "a", "price": "1", "tags": ["b", bad]})
    assert (answer.status, fields(answer)) == (422, {"tags"})
    if bad != "\ud800":
        answer = get(platform, f"/v1/users/{quote(bad)}")
        assert (answer.status, fields(answer)) == (400, {"userid"})


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "/buy", {}, {"username", "userid", "price"}),
        ("POST", "/v1/purchases", {"userId": "x", "price": "1e2", "timestamp": "2999-01-01"},
         {"username", "userid", "userId", "price", "timestamp"}),
        ("POST", "/v1/products", {"name": 5, "price": -1, "tags": [""], "colour": 1},
         {"name", "price", "tags", "colour"}),
        ("PATCH", "/v1/products/x", {"name": "", "price": "x"}, {"name", "price"}),
        ("POST", "/v1/products/x/reviews", {"rating": 7}, {"userid", "rating", "firstName"}),
        ("PUT", "/v1/products/x/reviews/y", {"rating": "5", "timestamp": 5},
         {"userid", "rating", "timestamp", "firstName"}),
        ("DELETE", "/v1/products/%00/reviews/%00", None, {"id", "reviewId", "userid"}),
        ("POST", "/campaign-events/", {"startDate": "01.02.2027", "end": 1}, {"name", "startDate", "endDate", "end"}),
        ("PATCH", "/campaign-events/x", {"name": "", "startDate": 1}, {"name", "startDate"}),
        ("POST", "/events/", {"campaignEventId": " "}, {"name", "campaignEventId", "startDate", "endDate"}),
        ("POST", "/analytics?timestamp=1795690161&colour=1", None, {"click", "user", "timestamp", "colour"}),
        ("GET", "/getAllUserBuys/a?limit=0&cursor=zzz&from=soon&colour=red&after=x", None,
         {"limit", "cursor", "from", "colour", "after"}),
        ("GET", "/v1/products?limit=x&sort=up&prefix=%00&page=2", None, {"limit", "sort", "prefix", "page"}),
        ("GET", "/campaign-events/live?at=soon&dates=us&limit=0&cursor=x", None, {"at", "dates", "limit", "cursor"}),
        ("GET", "/analytics/series?from=2026&to=now&step=week&width=3", None, {"from", "to", "step", "width"}),
        ("GET", "/analytics?after=x", None, {"timestamp", "after"}),
    ],
)  # fmt: skip
def test_one_answer_names_every_field_at_fault(
    platform: Platform, method: str, path: str, body: Any, wrong: set[str]
) -> None:
    payload = None if body is None else json.dumps(body).encode()
    answer = platform.request(method, path, body=payload, headers=JSON)
    assert answer.status in (400, 422)
    assert fields(answer) == wrong


def test_a_line_of_a_batch_names_every_field_at_fault(platform: Platform) -> None:
    lines = [{"username": "a", "price": "x", "timestamp": "soon"}, {"username": "a", "userid": "b", "price": "1"}]
    told = send(platform, "/v1/purchases:batch", lines).json()
    assert (told["accepted"], told["failed"]) == (1, 1)
    bad, good = told["results"]
    assert {each["field"] for each in bad["errors"]} == {"userid", "price", "timestamp"}
    assert (bad["field"], bad["detail"]) == (bad["errors"][0]["field"], bad["errors"][0]["detail"])
    assert "errors" not in good
    clicks = [{"kind": "clik", "timestamp": 1795690161}]
    (line,) = send(platform, "/analytics:batch", clicks).json()["results"]
    assert {each["field"] for each in line["errors"]} == {"user", "kind", "timestamp"}


def test_a_byte_order_mark_before_an_upload_is_skipped(platform: Platform) -> None:
    user = unique()
    line = json.dumps({"username": user, "userid": user, "price": "1"}).encode()
    mark = b"\xef\xbb\xbf"
    kind = {"Content_Type": "application/x-ndjson"}
    assert send(platform, "/v1/purchases:batch", mark + line + b"\n" + line, **kind).json()["accepted"] == 2
    assert send(platform, "/v1/purchases:batch", mark + b"[" + line + b"]").json()["accepted"] == 1
    assert send(platform, "/buy", mark + line).status == 200


@pytest.mark.parametrize(
    ("number", "unit"), [("1795690161", "seconds"), ("1795690161000000", "microseconds"), ("2026", "milliseconds")]
)
def test_another_unit_than_milliseconds_is_refused_at_every_entrance(
    platform: Platform, publisher: Any, number: str, unit: str
) -> None:
    queries = [("POST", f"/analytics?user=u&click&timestamp={number}"), ("GET", f"/analytics?timestamp={number}")]
    queries += [("GET", f"/analytics/series?from={number}"), ("GET", f"/analytics/series?to={number}")]
    for method, path in queries:
        answer = platform.request(method, path)
        assert answer.status == 400, path
        assert unit in answer.json()["detail"], path
    line = {"user": "u", "kind": "click", "timestamp": int(number)}
    (told,) = send(platform, "/analytics:batch", [line]).json()["results"]
    assert (told["status"], told["field"]) == (422, "timestamp")
    assert unit in told["detail"]
    names = {"ce_id": unique(), "ce_type": "shop.interaction.recorded.v1", "ce_source": "/test",
             "ce_specversion": "1.0", "ce_time": "2026-02-03T04:05:06Z"}  # fmt: skip
    headers = tuple((name, text.encode()) for name, text in names.items())
    receipt = publisher.publish([Record("shop.analytics", b"u", json.dumps(line).encode(), headers)])[0]
    state = get(platform, f"/v1/receipts/{receipt}?wait=10").json()
    assert state["state"] == "rejected"
    assert unit in state["reason"]


def test_analytics_takes_rfc_3339_as_well(platform: Platform) -> None:
    moment = datetime(2025, 9, 3, 4, 5, 6, 204000, tzinfo=UTC)
    at, text = int(moment.timestamp() * 1000), "2025-09-03T06:05:06.204%2B02:00"
    answers = [
        platform.request("POST", f"/analytics?user=r{n}&click&timestamp={form}", headers=JSON)
        for n, form in enumerate((at, text))
    ]
    assert [answer.status for answer in answers] == [204, 204], [answer.data for answer in answers]
    lines = [{"user": "r3", "kind": "click", "timestamp": form} for form in (at, "2025-09-03T04:05:06.204z")]
    told = send(platform, "/analytics:batch", lines).json()
    assert told["accepted"] == 2, told
    for receipt in [answers[1].headers["X-Receipt"], told["results"][1]["receipt"]]:
        get(platform, f"/v1/receipts/{receipt}?wait=10")
    for form in (at, text, "2025-09-03T04:59:59Z", "2025-09-03t04:00:00"):
        after = f"&after={told['results'][1]['receipt']}"
        assert b"clicks,4" in get(platform, f"/analytics?timestamp={form}{after}").data, form


@pytest.mark.parametrize("cursor", ["٣" * 18 + "-x", "9" * 18 + "-x"])
def test_a_cursor_that_no_page_gave_is_refused(platform: Platform, cursor: str) -> None:
    sent = base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")
    for path in ("/getAllUserBuys/a", "/campaign-events/", "/v1/users/a/export"):
        assert get(platform, f"{path}?cursor={sent}").status == 400, path
