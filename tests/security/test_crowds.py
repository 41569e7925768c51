"""Two thousand clients of every hostile kind at once: what a healthy caller is given, against what it got before."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from shop_security.crowd import SHAPES, crowded

if TYPE_CHECKING:
    from tests.conftest import Platform

MANY, FEW = 2000, 100
MOST_TIMES = 2.0  # the quiet value of a purchase
MOST_HEALTH_SECONDS = 0.1
MOST_MEMORY = 32 * 1024 * 1024
ROUNDS = 3
REQUESTS = 100
CALLERS = 5  # in turn, so that none comes to its limit
SECONDS = 4  # of a round at least, so that it is not of the moment alone in which two thousand come
JSON = {"Content-Type": "application/json"}
KINDS = {
    "all of them": tuple(SHAPES),
    "who wait": tuple(name for name in SHAPES if name.startswith("waits")),
    "who fill memory": ("half a large body", "takes no answer"),
    "who are refused": tuple(name for name in SHAPES if name.startswith("refused")),
}


@pytest.fixture(scope="module")
def busy(platform: Platform, tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]) -> Iterator[Any]:
    """The default workers, and limits as the chart has them."""
    settings = {"AUTH_MODE": "apikey", "LIMITS": "600/60"}
    with make_door(tmp_path_factory.mktemp("busy"), platform, **settings) as found:
        yield found


@pytest.mark.security(23, 31)
@pytest.mark.parametrize("kind", KINDS)
def test_a_crowd_costs_a_healthy_caller_less_than_twice(busy: Any, kind: str) -> None:
    credentials = ["", "shop_nobody", busy.key(""), busy.key("purchases:write")]
    port = urlsplit(busy.base_url).port or 0
    with crowded(port, FEW, KINDS[kind], credentials):
        before = memory_of(busy)  # with the threads that are made once, whoever calls
    times, health = [], []
    for turn in range(ROUNDS):
        users = [f"{kind} {turn} {number}" for number in range(CALLERS)]
        healthy = cycle([(busy.key("purchases:write", userid), userid) for userid in users])
        quiet = statistics.median(bought(busy, *next(healthy)) for _ in range(REQUESTS))
        with crowded(port, MANY, KINDS[kind], credentials):
            seen: list[float] = []
            until = time.monotonic() + SECONDS
            while len(seen) < REQUESTS or time.monotonic() < until:
                seen.append(bought(busy, *next(healthy)))
                health.append(seconds_of(busy, "GET", "/healthz", None))
            grown = [after - kept for after, kept in zip(memory_of(busy), before, strict=True)]
            assert max(grown) <= MOST_MEMORY, grown
        times.append(statistics.median(seen) / quiet)
    assert statistics.median(times) < MOST_TIMES, times
    assert statistics.median(health) < MOST_HEALTH_SECONDS, health


def bought(door: Any, key: str, userid: str) -> float:
    body = json.dumps({"username": userid, "userid": userid, "price": "1"})
    return seconds_of(door, "POST", "/buy", key, headers=JSON, body=body)


def seconds_of(door: Any, method: str, path: str, key: str | None, **options: Any) -> float:
    started = time.perf_counter()
    answer = door.request(method, path, key, **options)
    assert answer.status == 200, (answer.status, answer.data)
    return time.perf_counter() - started


def memory_of(door: Any) -> list[int]:
    """What the workers of each service have for themselves."""
    return [
        sum(map(private, re.findall(r"worker with pid: (\d+)", log.read_text()))) for log in (door.log, door.api_log)
    ]


def private(pid: str) -> int:
    found = re.search(r"Private_Dirty: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found is not None
    return int(found[1]) * 1024
