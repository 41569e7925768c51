"""Two thousand clients of every hostile kind at once: what a healthy caller is given, against what it got before."""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True)
class Seen:
    """Of one kind of crowd, by round: a purchase's median amid it, of its quiet one; what the workers grew by; and how
    long each look at health took, in seconds."""

    times: list[float]
    grown: list[int]
    health: list[float]


@pytest.fixture(scope="module")
def crowd(busy: Any) -> Callable[[str], Seen]:
    """What is seen of a kind of crowd, which is called together once."""
    return cache(lambda kind: look(busy, kind))


@pytest.mark.security(23, 31)
@pytest.mark.parametrize("kind", KINDS)
def test_a_crowd_costs_no_memory_and_nobody_their_answer(crowd: Callable[[str], Seen], kind: str) -> None:
    seen = crowd(kind)
    assert len(seen.times) == ROUNDS and max(seen.grown) <= MOST_MEMORY, seen.grown


@pytest.mark.security(23, 31)
@pytest.mark.skipif("SECURITY_TIMES" not in os.environ, reason="timed, so by make security alone")
@pytest.mark.parametrize("kind", KINDS)
def test_a_crowd_costs_a_healthy_caller_less_than_twice(crowd: Callable[[str], Seen], kind: str) -> None:
    seen = crowd(kind)
    assert statistics.median(seen.times) < MOST_TIMES, seen.times
    assert statistics.median(seen.health) < MOST_HEALTH_SECONDS, seen.health


def look(busy: Any, kind: str) -> Seen:
    """Buy and ask for health with nobody there, then amid the crowd; each answer must be 200."""
    credentials = ["", "shop_nobody", *busy.keys_of(("", None), ("purchases:write", None))]
    port = urlsplit(busy.base_url).port or 0
    with crowded(port, FEW, KINDS[kind], credentials):
        before = memory_of(busy)  # with the threads that are made once, whoever calls
    found = Seen([], [], [])
    for turn in range(ROUNDS):
        users = [f"{kind} {turn} {number}" for number in range(CALLERS)]
        healthy = cycle(zip(busy.keys_of(*(("purchases:write", user) for user in users)), users, strict=True))
        quiet = statistics.median(bought(busy, *next(healthy)) for _ in range(REQUESTS))
        with crowded(port, MANY, KINDS[kind], credentials):
            amid: list[float] = []
            until = time.monotonic() + SECONDS
            while len(amid) < REQUESTS or time.monotonic() < until:
                amid.append(bought(busy, *next(healthy)))
                found.health.append(seconds_of(busy, "GET", "/healthz", None))
            found.grown.extend(after - kept for after, kept in zip(memory_of(busy), before, strict=True))
        found.times.append(statistics.median(amid) / quiet)
    return found


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
