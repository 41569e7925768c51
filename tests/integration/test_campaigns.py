"""Campaigns on a real platform: the contract, the rules by HTTP, a live set that every replica has within a second."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from cm_api.domains.campaigns.store import LIVE_INDEX, CampaignStore, ensure_indexes, selection
from shop_core.events.dates import format_date

if TYPE_CHECKING:
    from tests.conftest import Platform

WAIT = {"Prefer": "wait=10", "Content-Type": "application/json"}


def send(platform: Platform, method: str, path: str, body: Any = None, **headers: str) -> Any:
    payload = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.request(method, path, body=payload, headers=WAIT | named)


def get(platform: Platform, path: str, **headers: str) -> Any:
    return platform.request("GET", path, headers=headers)


def around(before: float = 3600, after: float = 3600) -> dict[str, str]:
    now = datetime.now(UTC)
    moments = {"startDate": now - timedelta(seconds=before), "endDate": now + timedelta(seconds=after)}
    return {field: format_date(moment) for field, moment in moments.items()}


def plan(platform: Platform, **fields: Any) -> str:
    answer = send(platform, "POST", "/campaign-events/", {"name": "Sale", **around(), **fields})
    assert answer.status == 201, answer.data
    return str(answer.json()["id"])


def plan_inside(platform: Platform, campaign: str, **fields: Any) -> Any:
    return send(platform, "POST", "/events/", {"name": "E", "campaignEventId": campaign, **around(60, 60), **fields})


def ids(answer: Any, of: str = "campaigns") -> list[str]:
    assert answer.status == 200, answer.data
    return [each["id"] for each in answer.json()[of]]


@pytest.fixture(autouse=True)
def tidy(platform: Platform) -> Iterator[None]:
    """Nothing of another test is live."""
    yield
    for doc in list(platform.db["campaigns"].find({})):
        assert send(platform, "DELETE", f"/campaign-events/{doc['_id']}").status == 204


def test_a_campaign_from_plan_to_end(platform: Platform) -> None:
    dates = {"startDate": "2028/02/29 23:59:59", "endDate": "2028-03-01T00:00:01.250+01:00"}
    answer = send(platform, "POST", "/campaign-events/", {"name": "Leap", **dates} | {"endDate": "2028-03-02"})
    assert (answer.status, answer.json()["state"]) == (201, "stored")
    id = answer.json()["id"]
    assert answer.headers["Location"].endswith(f"/campaign-events/{id}")
    told = {"id": id, "name": "Leap", "startDate": "2028-02-29T23:59:59Z", "endDate": "2028-03-02T00:00:00Z"}
    assert get(platform, f"/campaign-events/{id}").json() == told
    slashes = get(platform, f"/campaign-events/{id}?dates=slash").json()
    assert (slashes["startDate"], slashes["endDate"]) == ("2028/02/29 23:59:59", "2028/03/02 00:00:00")
    changed = send(platform, "PATCH", f"/campaign-events/{id}", {"name": "Longer", "endDate": "2028/03/05 00:00:00"})
    assert changed.status == 200
    found = get(platform, f"/campaign-events/{id}?after={changed.json()['receipt']}").json()
    assert found == told | {"name": "Longer", "endDate": "2028-03-05T00:00:00Z"}
    whole = {"name": "Whole", "startDate": "2028/02/28 00:00:00", "endDate": "2028/03/01 00:00:00"}
    assert send(platform, "PUT", f"/campaign-events/{id}", {"name": "Part"}).status == 422
    put = send(platform, "PUT", f"/campaign-events/{id}", whole)
    live = get(platform, f"/campaign-events/live?at=2028/02/28%2012:00:00&after={put.json()['receipt']}").json()
    assert put.status == 200 and live["campaigns"] == [{"id": id, **whole}], "in the form of `at`"
    gone = send(platform, "DELETE", f"/campaign-events/{id}")
    assert (gone.status, gone.data, gone.headers["X-Id"]) == (204, b"", id)
    assert get(platform, f"/campaign-events/{id}?after={gone.headers['X-Receipt']}").status == 404


def test_an_event_from_plan_to_end_and_with_its_campaign(platform: Platform) -> None:
    campaign = plan(platform)
    answer = plan_inside(platform, campaign, name="Opening")
    assert answer.status == 201
    id, receipt = answer.json()["id"], answer.json()["receipt"]
    assert get(platform, f"/events/{id}").json()["campaignEventId"] == campaign
    assert ids(get(platform, f"/campaign-events/{campaign}/events?after={receipt}"), "events") == [id]
    assert id in ids(get(platform, f"/events/live?after={receipt}"), "events")
    assert send(platform, "PATCH", f"/events/{id}", {"name": "Finale"}).status == 200
    again = get(platform, f"/events/{id}").json()
    assert send(platform, "PUT", f"/events/{id}", {key: again[key] for key in again if key != "id"}).status == 200
    assert send(platform, "PUT", f"/events/{id}0", {"name": "None", **around()}).status == 404
    assert send(platform, "DELETE", f"/events/{id}").status == 204
    second = plan_inside(platform, campaign).json()["id"]
    receipt = send(platform, "DELETE", f"/campaign-events/{campaign}").headers["X-Receipt"]
    assert get(platform, f"/events/{second}?after={receipt}").status == 404
    assert get(platform, f"/campaign-events/{campaign}/events").status == 404


def test_the_rules_are_told_to_who_waits(platform: Platform) -> None:
    campaign = plan(platform)
    assert plan_inside(platform, campaign, name="Opening").status == 201
    same = plan_inside(platform, campaign, name="Opening")
    assert (same.status, "'Opening' already" in same.json()["detail"]) == (409, True)
    outside = plan_inside(platform, campaign, name="Out", **around(7200, 60))
    assert (outside.status, "inside its campaign" in outside.json()["detail"]) == (422, True)
    cut = send(platform, "PATCH", f"/campaign-events/{campaign}", {"endDate": format_date(datetime.now(UTC))})
    assert (cut.status, "'Opening'" in cut.json()["detail"]) == (409, True)
    assert plan_inside(platform, str(uuid.uuid4())).status == 422
    assert send(platform, "DELETE", f"/events/{campaign}.{uuid.uuid4()}").status == 404
    told = get(platform, f"/v1/receipts/{cut.json()['receipt']}").json()
    assert (told["state"], told["status"]) == ("rejected", 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"startDate": "21/11/2026 00:00:00"}, "startDate"),
        ({"startDate": "2026/11/21"}, "startDate"),
        ({"endDate": "2026/02/30 00:00:00"}, "endDate"),
        ({"endDate": "2000-01-01"}, "endDate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(platform: Platform, body: dict[str, str], field: str) -> None:
    answer = send(platform, "POST", "/campaign-events/", {"name": "Sale", **around()} | body)
    assert (answer.status, answer.json()["field"]) == (422, field)


def test_lists_by_state_at_any_moment_page_by_page(platform: Platform) -> None:
    def at(hour: int) -> dict[str, str]:
        return {"startDate": f"2031/01/01 {hour:02}:00:00", "endDate": f"2031/01/01 {hour + 2:02}:00:00"}

    planned = [plan(platform, name=f"n{hour}", **at(hour)) for hour in range(10)]
    moment = "at=2031/01/01%2005:00:00"
    assert ids(get(platform, f"/campaign-events/live?{moment}")) == planned[4:6], "an end is not within, a start is"
    assert ids(get(platform, f"/campaign-events/upcoming?{moment}")) == planned[6:]
    assert ids(get(platform, f"/campaign-events/ended?{moment}")) == planned[3::-1], "the latest end first"
    for path, expected in (("/", planned), (f"/upcoming?{moment}", planned[6:]), (f"/ended?{moment}", planned[3::-1])):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = get(platform, f"/campaign-events{path}{'&' if '?' in path else '?'}limit=3{cursor}").json()
            assert len(page["campaigns"]) <= 3
            seen += [each["id"] for each in page["campaigns"]]
            cursor = None if page["next"] is None else f"&cursor={page['next']}"
        assert seen == expected
    for wrong in ("live?at=soon", "live?dates=us", "live?limit=0", "live?cursor=x", "?at=2031-01-01", "live?now"):
        assert get(platform, f"/campaign-events/{wrong}").status == 400, wrong


def test_live_is_right_to_the_second_without_a_write(platform: Platform) -> None:
    start = datetime.now(UTC) + timedelta(seconds=4)
    end = start + timedelta(seconds=3)
    id = plan(platform, startDate=start.isoformat(), endDate=end.isoformat())
    seen: set[str] = set()
    while (asked := datetime.now(UTC)) < end + timedelta(seconds=1):
        live = id in ids(get(platform, "/campaign-events/live"))
        answered = datetime.now(UTC)
        # Kept to the millisecond: a question that crosses a boundary may be answered either way.
        if answered < start - timedelta(milliseconds=1):
            assert not live
            seen.add("before")
        elif start <= asked and answered < end - timedelta(milliseconds=1):
            assert live
            seen.add("live")
        elif asked >= end:
            assert not live
            seen.add("after")
    assert seen == {"before", "live", "after"}


@contextmanager
def another_replica(platform: Platform, until: Callable[..., None]) -> Iterator[str]:
    """A second cm-api on the same servers: its address."""
    port = platform.ports.health + 8
    own = {"HTTP_PORT": str(port), "HTTP_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen([platform.tool("cm-api")], env=platform.environment | own, start_new_session=True)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return bool(platform.http.request("GET", f"{address}/readyz", retries=False).status == 200)
        except urllib3.exceptions.HTTPError:
            return False

    try:
        until(answers, "the second replica answers")
        yield address
    finally:
        process.terminate()
        try:
            assert process.wait(30) == 0, "a clean stop"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_what_is_live_is_no_more_upcoming_and_what_is_over_has_ended_to_the_millisecond(
    platform: Platform, until: Callable[..., None]
) -> None:
    """In the middle of a second, which those who ask share: the lists follow each other at once."""
    begins = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=400_000)
    dates = {"startDate": begins, "endDate": begins + timedelta(seconds=1.1)}
    id = plan(platform, **{field: moment.isoformat() for field, moment in dates.items()})

    def listed(when: str) -> bool:
        return id in ids(get(platform, f"/campaign-events/{when}?limit=200"))

    assert listed("upcoming") and not listed("ended")
    until(lambda: listed("live"), "it is live")
    assert not listed("upcoming")
    until(lambda: not listed("live"), "it is over")
    assert listed("ended")


def test_a_change_reaches_every_replica_within_a_second(platform: Platform, until: Callable[..., None]) -> None:
    with another_replica(platform, until) as second:
        addresses = (platform.api_url, second)

        def live(address: str) -> list[str]:
            answer = platform.http.request("GET", f"{address}/campaign-events/live?limit=200")
            return [each["id"] for each in answer.json()["campaigns"]]

        def everywhere(id: str, expected: bool) -> float:
            """Seconds until both replicas say so."""
            began = time.monotonic()
            until(lambda: all((id in live(address)) is expected for address in addresses), "both know", 20)
            return time.monotonic() - began

        for address in addresses:
            live(address)  # from now on each has a snapshot that it must notice to be old
        delays = []
        for _ in range(5):
            id = plan(platform)
            delays.append(everywhere(id, True))
            assert send(platform, "DELETE", f"/campaign-events/{id}").status == 204
            delays.append(everywhere(id, False))
        assert max(delays) < 1, delays


def test_a_consumer_killed_between_two_commands_loses_nothing(platform: Platform, until: Callable[..., None]) -> None:
    campaign = plan(platform)
    dead = platform.signal("campaigns-consumer-1", signal.SIGKILL)
    answers = [
        platform.request(
            "POST",
            "/events/",
            body=json.dumps({"name": f"n{n}", "campaignEventId": campaign, **around(60, 60)}).encode(),
        )
        for n in range(20)
    ]
    assert {answer.status for answer in answers} == {202}
    until(lambda: platform.processes()["campaigns-consumer-1"].pid not in (dead, None), "it is started again")
    last = answers[-1].json()["receipt"]
    until(lambda: get(platform, f"/v1/receipts/{last}?wait=10").json()["state"] == "stored", "all is stored", 60)
    found = get(platform, f"/campaign-events/{campaign}/events?after={last}&limit=200").json()["events"]
    assert sorted(each["name"] for each in found) == sorted(f"n{n}" for n in range(20))


def test_a_key_makes_a_campaign_once(platform: Platform) -> None:
    body = {"name": "Once", **around()}
    key = f"k-{uuid.uuid4()}"
    made = {send(platform, "POST", "/campaign-events/", body, Idempotency_Key=key).json()["id"] for _ in range(3)}
    assert len(made) == 1
    other = send(platform, "POST", "/campaign-events/", body | {"name": "Twice"}, Idempotency_Key=key)
    assert other.status == 409
    assert platform.db["campaigns"].count_documents({"_id": {"$in": list(made)}}) == 1


def test_the_live_query_walks_an_index(platform: Platform) -> None:
    db = platform.mongo["campaign_indexes"]
    try:
        ensure_indexes(db)
        start = datetime(2031, 1, 1, tzinfo=UTC)
        docs = [
            {"_id": f"c{n}", "name": f"c{n}", "startDate": start + timedelta(n), "endDate": start + timedelta(n + 1)}
            for n in range(500)
        ]
        db["campaigns"].insert_many(docs)
        at = start + timedelta(250.5)
        assert [doc["_id"] for doc in CampaignStore(db).page("campaigns", "live", at, None, 10)] == ["c250"]
        keys = {tuple(index["key"][0]) for index in db["campaigns"].index_information().values()}
        assert {("_id", 1), ("name", 1), ("startDate", 1), ("endDate", 1)} <= keys
        winning = db["campaigns"].find(selection("live", at)).hint(LIVE_INDEX).explain()["queryPlanner"]["winningPlan"]
        assert winning["inputStage"]["stage"] == "IXSCAN"
        assert next(iter(winning["inputStage"]["keyPattern"])) == "endDate"
    finally:
        platform.mongo.drop_database(db.name)
