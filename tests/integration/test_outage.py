"""A part is away: the door says so within its time limit, names what is missing, and opens again by itself.

The platform's own door has the producer client that is the default; beside it one with the other client goes through
the same outages of the broker.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from shop_security.secured import BIN
from shop_security.surroundings import clean_environment
from shopctl.layout import HOST, PREFIX
from shopctl.supervisor import spawn

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.integration.conftest import InThreads

pytestmark = pytest.mark.slow
ANSWER_SECONDS = 5  # what a client waits for at most; a later answer is an error of urllib3


@dataclass
class Door:
    """A cm-server beside the platform's, at its broker."""

    url: str
    http: urllib3.PoolManager

    def request(self, method: str, path: str, **options: Any) -> Any:
        return self.http.request(method, self.url + path, retries=False, **options)


@pytest.fixture
def other_door(platform: Platform, tmp_path: Path, until: Callable[..., None]) -> Iterator[Door]:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    own = {"KAFKA_BOOTSTRAP_SERVERS": platform.bootstrap, "KAFKA_CLIENT": "python"}
    own |= {"HTTP_HOST": HOST, "HTTP_PORT": str(port), "HTTP_WORKERS": "1"}
    process = spawn([str(BIN / "cm-server")], clean_environment() | own, tmp_path / "cm-server.log")
    door = Door(f"http://{HOST}:{port}{PREFIX}", urllib3.PoolManager())
    try:
        until(lambda: opens(door), "the other door is open", 60)
        yield door
    finally:
        door.http.clear()
        process.terminate()
        process.wait(60)


def opens(door: Any) -> bool:
    try:
        return bool(buy(door).status == 200)
    except urllib3.exceptions.HTTPError:
        return False


def buy(door: Platform | Door, user: str = "outage") -> Any:
    body = json.dumps({"username": user, "userid": user, "price": "1.00"}).encode()
    return door.request("POST", "/buy", body=body, timeout=ANSWER_SECONDS)


def dependencies(platform: Platform) -> dict[str, bool]:
    answer = platform.request("GET", "/readyz", timeout=ANSWER_SECONDS)
    found = answer.json()
    assert (answer.status == 200) == found["ready"] == all(each["ok"] for each in found["dependencies"].values())
    return {name: each["ok"] for name, each in found["dependencies"].items()}


def assert_refused(door: Platform | Door) -> None:
    answer = buy(door)
    assert answer.status == 503, answer.data
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["status"] == 503


def all_well(platform: Platform) -> bool:
    return bool(platform.running() and all(dependencies(platform).values()) and buy(platform).status == 200)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_without_a_broker_the_door_refuses_in_time_and_lives(
    platform: Platform,
    other_door: Door,
    until: Callable[..., None],
    in_threads: InThreads,
    number: int,
) -> None:
    until(lambda: all_well(platform), "all is well at first", 90)
    pid = platform.signal("kafka", number)
    try:
        # The supervisor starts a killed broker again at once, so its absence is seen by both while it comes up.
        in_threads([partial(assert_refused, door) for door in (platform, other_door)])()
        until(lambda: not dependencies(platform)["kafka"], "readiness names kafka", 15)
        assert dependencies(platform)["cm-api"], "what works is not blamed"
        assert platform.request("GET", "/healthz", timeout=ANSWER_SECONDS).data == b"Success"
    finally:
        if number == signal.SIGSTOP:
            platform.signal("kafka", signal.SIGCONT)
    until(lambda: all_well(platform) and opens(other_door), "all is well again", 90)
    assert (platform.processes()["kafka"].pid == pid) == (number == signal.SIGSTOP)


def test_a_stopped_database_is_waited_for_by_reads_and_not_by_purchases(
    platform: Platform, until: Callable[..., None]
) -> None:
    until(lambda: all_well(platform), "all is well at first", 90)
    consumers = {name: state.pid for name, state in platform.processes().items() if "consumer" in name}
    platform.signal("database", signal.SIGKILL)
    taken = buy(platform, "patient")
    assert taken.status == 200, "purchases need the broker alone"
    until(lambda: all_well(platform), "all is well again", 90)

    def stored() -> bool:
        told = platform.request("GET", f"/v1/receipts/{taken.json()['receipt']}")
        return bool(told.status == 200 and told.json()["state"] == "stored")

    until(stored, "what was bought meanwhile is stored", 60)
    now = platform.processes()
    assert {name: now[name].pid for name in consumers} == consumers


def test_without_cm_api_purchases_go_on_and_readiness_names_it(platform: Platform, until: Callable[..., None]) -> None:
    until(lambda: all_well(platform), "all is well at first", 90)
    workers = platform.pid("cm-api")  # gunicorn and its workers are one process group
    os.killpg(workers, signal.SIGSTOP)
    try:
        assert buy(platform).status == 200
        until(lambda: not dependencies(platform)["cm-api"], "readiness names cm-api", 15)
        assert dependencies(platform)["kafka"]
    finally:
        os.killpg(workers, signal.SIGCONT)
    until(lambda: all_well(platform), "all is well again", 60)


def test_many_clients_without_a_broker_find_the_door_quick(
    platform: Platform,
    other_door: Door,
    until: Callable[..., None],
    in_threads: InThreads,
) -> None:
    """A dead broker must not take every thread: health and refusals are answered while others wait for their ack."""
    until(lambda: all_well(platform), "all is well at first", 90)
    statuses: list[int] = []

    def client() -> None:
        for _ in range(2):
            statuses.extend(buy(door).status for door in (platform, other_door))

    platform.signal("kafka", signal.SIGSTOP)
    try:
        join = in_threads([client] * 40)
        for _ in range(10):
            for door in (platform, other_door):
                assert door.request("GET", "/healthz", timeout=ANSWER_SECONDS).status == 200
        join()
    finally:
        platform.signal("kafka", signal.SIGCONT)
    assert set(statuses) == {503}
    until(lambda: all_well(platform) and opens(other_door), "all is well again", 60)
