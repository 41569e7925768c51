"""The conservation line on the real parts: it holds to the event, whatever is sent, stopped or killed."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events.envelope import Record
from shop_core.events.purchases import DOMAIN
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.integration.conftest import Load

HEADERS = {"ce_type": "shop.purchase.made.v1", "ce_source": "/test", "ce_specversion": "1.0"}
Line = dict[str, int]


def snapshot(platform: Platform) -> Any:
    answer = platform.request("GET", "/v1/ops/snapshot")
    assert answer.status == 200, answer.data
    return answer.json()


def domain(platform: Platform, name: str) -> Any:
    [found] = [each for each in snapshot(platform)["domains"] if each["name"] == name]
    assert found["balance"]["difference"] == 0, found
    return found


def settled(platform: Platform, name: str) -> Line:
    """The line once nothing waits, whatever the tests before have sent."""
    with_lag = domain(platform, name)["balance"]
    while with_lag["waiting"]:
        with_lag = domain(platform, name)["balance"]
    return dict(with_lag)


def since(before: Line, now: Line) -> Line:
    return {name: now[name] - before[name] for name in now if now[name] != before[name]}


def purchase(id: str, price: str) -> Record:
    value = {"username": id, "userid": id, "price": price, "timestamp": "2026-02-03T04:05:06Z"}
    headers = HEADERS | {"ce_id": id, "ce_time": "2026-02-03T04:05:06Z"}
    named = tuple((name, text.encode()) for name, text in headers.items())
    return Record(DOMAIN.topic, id.encode(), json.dumps(value).encode(), named)


@pytest.fixture
def buyer() -> str:
    return f"ops-{uuid.uuid4().hex[:8]}"


def test_ordinary_duplicate_and_rejected_events_are_told_apart(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None], buyer: str
) -> None:
    until(platform.running, "everything runs")
    before = settled(platform, DOMAIN.name)
    ordinary = [purchase(f"{buyer}-{number}", "1") for number in range(7)]
    again, other = purchase(f"{buyer}-0", "1"), purchase(f"{buyer}-0", "2")
    publisher.publish([*ordinary, again, other, Record(DOMAIN.topic, buyer.encode(), b"{", ())])
    until(lambda: since(before, settled(platform, DOMAIN.name)).get("accepted") == 10, "all of it is known")
    assert since(before, settled(platform, DOMAIN.name)) == {"accepted": 10, "stored": 7, "duplicate": 1, "rejected": 2}
    told = snapshot(platform)
    assert told["balance"]["accepted"] == sum(each["balance"]["accepted"] for each in told["domains"])


def test_what_a_stopped_consumer_has_not_read_waits(platform: Platform, until: Callable[..., None], buyer: str) -> None:
    until(platform.running, "everything runs")
    before = settled(platform, "campaigns")
    pid = platform.signal("campaigns-consumer-1", signal.SIGSTOP)
    try:
        body = json.dumps({"name": buyer, "startDate": "2027-01-01", "endDate": "2027-01-02"})
        for _ in range(3):
            platform.request("POST", "/campaign-events", body=body, headers={"Content-Type": "application/json"})
        until(lambda: domain(platform, "campaigns")["balance"]["waiting"] == 3, "they are seen to wait", 15)
        now = domain(platform, "campaigns")
        assert since(before, now["balance"]) == {"accepted": 3, "waiting": 3}
        assert sum(each["waiting"] for each in now["partitions"]) == 3
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: since(before, settled(platform, "campaigns")) == {"accepted": 3, "stored": 3}, "they are stored")


@pytest.mark.slow
def test_a_kill_does_not_make_it_lie(
    platform: Platform, until: Callable[..., None], make_load: Callable[..., Load]
) -> None:
    """Of the consumers, amid their work, and of cm-ops itself, which keeps no number of its own."""
    until(platform.running, "everything runs")
    before = settled(platform, DOMAIN.name)
    load = make_load(40)
    for seq in range(6):
        load.batch(range(40), seq)
        if seq in (2, 4):
            platform.signal(f"purchases-consumer-{seq // 2}", signal.SIGKILL)
        domain(platform, DOMAIN.name)
    platform.signal("cm-ops", signal.SIGKILL)
    until(load.drained, "all of it is stored", 120)
    until(platform.running, "everything runs again", 120)
    added = since(before, settled(platform, DOMAIN.name))
    assert added.pop("accepted") == sum(added.values()) >= 240
    assert added["stored"] == 240 == load.stored()


def test_who_is_away_is_named(platform: Platform, until: Callable[..., None]) -> None:
    until(platform.running, "everything runs")
    for part, named in (("kafka", "Kafka"), ("cm-ops", "cm-ops")):
        pid = platform.pid(part)
        os.killpg(pid, signal.SIGSTOP)  # gunicorn's workers with it
        try:
            until(lambda named=named: _problem(platform).get("detail", "").startswith(named), f"{named} is away")
            assert _problem(platform)["type"] == "/scalable-shop-cm-server/problems/service-unavailable"
            # It is nobody's to wait for: the shop goes on reading.
            assert platform.request("GET", "/v1/products").status == 200
        finally:
            os.killpg(pid, signal.SIGCONT)
        until(lambda: platform.request("GET", "/v1/ops/snapshot").status == 200, f"{named} is back")


def _problem(platform: Platform) -> Any:
    answer = platform.request("GET", "/v1/ops/snapshot")
    return answer.json() if answer.status == 503 else {}
