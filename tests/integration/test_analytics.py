"""Analytics on a real platform: exact through kills and rebalances, readable in every form, at most a second behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from shop_core.events.analytics import DOMAIN, INTERACTION_RECORDED, InteractionRecorded, to_milliseconds
from shop_core.events.envelope import encode
from shop_core.identifiers import uuid7
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

TOPIC = DOMAIN.topic
HOUR = 3_600_000
# As many as `make test` has time for; ANALYTICS_EVENTS=500000 makes it the whole half million.
EVENTS, USERS, HOURS = int(os.environ.get("ANALYTICS_EVENTS", "30000")), 20_000, 30
# Thirty hours over the end of a leap day.
FIRST = to_milliseconds(datetime(2024, 2, 28, 22, tzinfo=UTC))


def now() -> int:
    return to_milliseconds(datetime.now(UTC))


def record(platform: Platform, query: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.request("POST", f"/analytics?{query}", headers=named)


def count(platform: Platform, query: str, **headers: str) -> Any:
    return platform.request("GET", f"/analytics{query}", headers=headers)


def numbers(text: bytes) -> dict[str, int]:
    return {name: int(number) for name, number in (line.split(",") for line in text.decode().split("\n"))}


@contextmanager
def another_consumer(platform: Platform, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A second member of the group, for as long as the block lasts."""
    own = {"HEALTH_PORT": str(platform.ports.health + 9), "CONSUMER_SESSION_TIMEOUT_MS": "3000", "LOG_LEVEL": "ERROR"}
    consumer = Path(platform.tool("cm-api-consumer"))
    with subprocess.Popen([str(consumer), "--domain", "analytics"], env=platform.environment | own | extra) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(platform: Platform) -> bool:
    """Whether the other consumer is in its loop."""
    try:
        address = f"http://127.0.0.1:{platform.ports.health + 9}/readyz"
        return bool(platform.http.request("GET", address, retries=False).status == 200)
    except urllib3.exceptions.HTTPError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_events_with_kills_and_rebalances_come_to_a_plain_recount(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None]
) -> None:
    chance = random.Random("analytics")
    hours: dict[int, list[Any]] = defaultdict(lambda: [set(), 0, 0])
    ends: dict[int, int] = {}
    everybody = iter([f"u{n}" for n in range(USERS)])

    def publish(many: int) -> None:
        records = []
        for _ in range(many):
            at = FIRST + chance.randrange(HOURS) * HOUR + chance.choice([0, HOUR - 1, chance.randrange(HOUR)])
            # Each user once, then a few of them often and most of them seldom, as it is.
            user = next(everybody, None) or f"u{int(USERS * chance.random() ** 3)}"
            data = InteractionRecorded(user, chance.choice(("click", "impression")), at)
            hour = hours[at // HOUR]
            hour[0].add(data.user)
            hour[1] += data.kind == "click"
            hour[2] += data.kind == "impression"
            id = str(uuid7())
            records.append(
                encode(DOMAIN, INTERACTION_RECORDED, data, key=data.user, id=id, time=datetime.now(UTC))
            )  # fmt: skip
        for receipt in publisher.publish(records):
            _, partition, offset = receipt.rsplit("-", 2)
            ends[int(partition)] = max(ends.get(int(partition), 0), int(offset) + 1)

    def applied() -> int:
        return sum(platform.positions(TOPIC).values())

    def publish_and_see(many: int) -> None:
        before = applied()
        for _ in range(many // 1000):
            publish(1000)
        until(lambda: applied() > before, "some of it was counted", 180)

    def publish_until_it_ends(consumer: subprocess.Popen[bytes]) -> bool:
        publish(100)
        return consumer.poll() is not None

    first = "analytics-consumer-1"
    publish_and_see(EVENTS // 5)
    with another_consumer(platform) as second:  # it joins in the middle of the work, and is killed there
        until(lambda: answers(platform), "the second is a member", 90)
        publish_and_see(EVENTS // 5)
        second.kill()
    publish_and_see(EVENTS // 5)
    platform.signal(first, signal.SIGKILL)
    for place in ("decoded", "committed"):  # the worst moments: nothing stored yet, stored and not committed
        with another_consumer(platform, FAILPOINT=f"{place}:3") as doomed:
            publish_and_see(EVENTS // 10)
            until(partial(publish_until_it_ends, doomed), f"its third batch, {place}", 180)
            assert doomed.returncode == -signal.SIGKILL
    with another_consumer(platform) as leaver:  # and a clean leave, which is a rebalance as well
        until(lambda: answers(platform), "the third is a member", 90)
        publish_and_see(EVENTS // 5)
        leaver.terminate()
        assert leaver.wait(60) == 0
    until(lambda: platform.passed(ends, TOPIC), "the log is drained", 900)
    until(lambda: platform.running(first), "the killed consumer runs again")
    published = sum(clicks + impressions for _, clicks, impressions in hours.values())
    assert published >= EVENTS

    wanted = f"/series?from={FIRST}&to={FIRST + HOURS * HOUR}&after={TOPIC}-0-{ends[0] - 1}"
    series = count(platform, wanted).json()["series"]
    found = [(each["uniqueUsers"], each["clicks"], each["impressions"]) for each in series]
    expected = [hours[FIRST // HOUR + n] for n in range(HOURS)]
    assert found == [(len(users), clicks, impressions) for users, clicks, impressions in expected]
    days = count(platform, f"/series?step=day&from={FIRST}&to={FIRST + HOURS * HOUR}").json()["series"]
    by_day: dict[int, set[str]] = defaultdict(set)
    for hour, (users, _, _) in hours.items():
        by_day[hour // 24] |= users
    assert [day["uniqueUsers"] for day in days] == [len(users) for _, users in sorted(by_day.items())]
    assert sum(day["clicks"] + day["impressions"] for day in days) == published


def test_an_hour_as_text_and_as_json(platform: Platform) -> None:
    at = to_milliseconds(datetime(2025, 3, 30, 1, 59, 59, 999000, tzinfo=UTC))  # the last millisecond of its hour
    for query in (
        f"user=ann&click&timestamp={at}",
        f"user=bob&impression&timestamp={at}",
        f"user=ann&click&timestamp={at + 1}",
    ):
        answer = record(platform, query, Prefer="wait=10")
        assert (answer.status, answer.data) == (204, b"")
        assert answer.headers["X-Receipt"].startswith(f"{TOPIC}-") and answer.headers["X-Id"]
    after = f"&after={answer.headers['X-Receipt']}"
    text = count(platform, f"?timestamp={at}{after}")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.data == b"unique_users,2\nclicks,1\nimpressions,1"
    assert count(platform, f"?timestamp={at - HOUR + 1}").data == text.data, "any moment of the hour"
    assert numbers(count(platform, f"?timestamp={at + 1}").data) == {"unique_users": 1, "clicks": 1, "impressions": 0}
    told = count(platform, f"?timestamp={at}", Accept="application/json").json()
    assert told == {"start": "2025-03-30T01:00:00Z", "uniqueUsers": 2, "clicks": 1, "impressions": 1}


def test_the_current_hour_has_what_its_moment_says(platform: Platform, until: Callable[..., None]) -> None:
    user, before_all = f"now-{uuid.uuid4().hex[:8]}", datetime.min.replace(tzinfo=UTC)
    before = numbers(count(platform, f"?timestamp={now()}").data)
    for _ in range(5):  # both workers of cm-server have it in memory
        count(platform, f"?timestamp={now()}")
    for query in ("click", "impression", "impression"):
        assert record(platform, f"user={user}&{query}&timestamp={now()}", Prefer="wait=10").status == 204
    stored, answers = datetime.now(UTC), []

    def is_of_after() -> bool:
        answers.append(count(platform, f"?timestamp={now()}"))
        return datetime.fromisoformat(answers[-1].headers.get("X-Data-As-Of", str(before_all))) >= stored

    until(is_of_after, "it tells of a moment after that")
    after = numbers(answers[-1].data)
    if after["clicks"] < before["clicks"]:
        pytest.skip("the hour ended under the test")
    added = {name: after[name] - before[name] for name in after}
    assert added == {"unique_users": 1, "clicks": 1, "impressions": 2}


def test_a_late_event_reopens_its_hour_and_is_counted_as_late(platform: Platform) -> None:
    at = to_milliseconds(datetime(2025, 6, 1, 12, tzinfo=UTC))
    assert numbers(count(platform, f"?timestamp={at}").data)["clicks"] == 0, "cached as it was"
    receipt = record(platform, f"user=late&click&timestamp={at}", Prefer="wait=10").headers["X-Receipt"]
    assert numbers(count(platform, f"?timestamp={at}&after={receipt}").data)["clicks"] == 1
    metrics = platform.http.request("GET", f"http://127.0.0.1:{platform.health_of('analytics-consumer-1')}/metrics")
    assert 'shop_late_events_total{domain="analytics"}' in metrics.data.decode()


def test_a_batch_is_answered_by_line_and_counted(platform: Platform) -> None:
    at = to_milliseconds(datetime(2025, 7, 1, 12, tzinfo=UTC))
    lines: list[Any] = [{"user": f"b{n}", "kind": "click", "timestamp": at + n} for n in range(300)]
    lines += [{"user": "", "kind": "click", "timestamp": at}, {"user": "x", "kind": "look", "timestamp": at}]
    lines += [{"user": "x", "kind": "click", "timestamp": -1}, {"user": "x", "kind": "click", "timestamp": now() * 2}]
    body = "\n".join(json.dumps(line) for line in lines)
    answer = platform.request("POST", "/analytics:batch", body=body, headers={"Content-Type": "application/x-ndjson"})
    told = answer.json()
    assert (answer.status, told["accepted"], told["failed"]) == (202, 300, 4)
    assert [line["field"] for line in told["results"][300:]] == ["user", "kind", "timestamp", "timestamp"]
    for line in told["results"][:300]:
        platform.request("GET", f"/v1/receipts/{line['receipt']}?wait=10")
    found = numbers(count(platform, f"?timestamp={at}&after={told['results'][299]['receipt']}").data)
    assert found == {"unique_users": 300, "clicks": 300, "impressions": 0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("user=a&timestamp=1", "click"),
        ("user=a&timestamp=1&click&impression", "click"),
        ("user=a&timestamp=1&click=1", "click"),
        ("user=a&timestamp=-1&click", "timestamp"),
        ("user=a&timestamp=1e3&click", "timestamp"),
        ("user=a&click", "timestamp"),
        ("user=a&timestamp=9999999999999999&click", "timestamp"),
        (f"user=a&timestamp={to_milliseconds(datetime(2999, 1, 1, tzinfo=UTC))}&click", "timestamp"),
        ("user=&timestamp=1&click", "user"),
        ("timestamp=1&click", "user"),
        ("user=a&user=b&timestamp=1&click", "user"),
        ("user=a&timestamp=1&click&page=2", "page"),
    ],
)
def test_what_is_wrong_is_named(platform: Platform, query: str, field: str) -> None:
    answer = record(platform, query)
    assert (answer.status, answer.json()["field"]) == (400, field)


def test_a_key_makes_an_interaction_count_once(platform: Platform) -> None:
    at = to_milliseconds(datetime(2025, 8, 1, 12, tzinfo=UTC))
    key = f"k-{uuid.uuid4()}"
    for _ in range(3):
        assert record(platform, f"user=k&click&timestamp={at}", Idempotency_Key=key, Prefer="wait=10").status == 204
    assert record(platform, f"user=k&click&timestamp={at + 1}", Idempotency_Key=key, Prefer="wait=10").status == 409
    last = record(platform, f"user=k&click&timestamp={at}", Prefer="wait=10").headers["X-Receipt"]
    assert numbers(count(platform, f"?timestamp={at}&after={last}").data)["clicks"] == 2


def test_series_in_both_forms_and_with_holes(platform: Platform) -> None:
    at = to_milliseconds(datetime(2025, 9, 1, 12, tzinfo=UTC))
    receipt = record(platform, f"user=s&impression&timestamp={at}", Prefer="wait=10").headers["X-Receipt"]
    query = f"/series?from=2025-09-01T11:30:00Z&to=2025-09-01T13:00:00.001Z&after={receipt}"
    told = count(platform, query).json()
    assert (told["step"], told["from"], told["to"]) == ("hour", "2025-09-01T11:00:00Z", "2025-09-01T14:00:00Z")
    assert [each["impressions"] for each in told["series"]] == [0, 1, 0]
    csv = count(platform, query, Accept="text/csv")
    assert csv.headers["Content-Type"].startswith("text/csv")
    assert csv.data.decode().splitlines() == [
        "start,unique_users,clicks,impressions", "2025-09-01T11:00:00Z,0,0,0", "2025-09-01T12:00:00Z,1,0,1",
        "2025-09-01T13:00:00Z,0,0,0",
    ]  # fmt: skip
    assert len(count(platform, "/series").json()["series"]) == 48
    for wrong in ("from=1&to=1", "from=0", "step=week", "from=now", "to=2025-01-01&from=2025-01-02", "width=3"):
        assert count(platform, f"/series?{wrong}").status == 400, wrong


def test_visitors_expire_and_hours_stay(platform: Platform) -> None:
    expiring = {name: platform.db[name].index_information() for name in ("analytics_visitors", "analytics_applied")}
    for name, indexes in expiring.items():
        assert [index.get("expireAfterSeconds") for index in indexes.values() if index["key"] == [("expires", 1)]] == [
            0
        ], name
    kept = platform.db["analytics_counts"].index_information()
    assert not any("expireAfterSeconds" in index for index in kept.values())
    record(platform, f"user=ttl&click&timestamp={now()}", Prefer="wait=10")
    (doc,) = platform.db["analytics_visitors"].find({"_id": {"$regex": "^hour-.*/ttl$"}})
    assert timedelta(days=89) < doc["expires"] - datetime.now(UTC) < timedelta(days=91)
