"""Limits over two services of two workers each that count in one Redis; and what happens while it is away."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from cm_server.rate_limit.redis_store import SharedStore
from cm_server.rate_limit.settings import Limit
from shopctl.layout import HOST


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, any_port: Callable[[], int]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real Redis of this test's own."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: scripts/bootstrap redis installs it"
    port = any_port()
    command = [program, "--port", str(port), "--bind", HOST, "--save", "", "--dir", str(tmp_path_factory.mktemp("r"))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(host=HOST, port=port)
    for _ in range(200):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield f"redis://{HOST}:{port}", process
    client.close()
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(20)


@pytest.mark.security(22)
def test_the_store_counts_as_a_window_that_slides(store: tuple[str, Any]) -> None:
    counter, limit = SharedStore(store[0]), Limit(20, 1)
    admitted, started = [], time.monotonic()
    while (now := time.monotonic()) - started < 3.5:
        if counter.acquire("one", limit).left >= 0:
            admitted.append(now)
    # The clock that decides is the store's; ours sees each admission a little later.
    assert max(sum(at <= other < at + 0.95 for other in admitted) for at in admitted) <= limit.count
    assert len(admitted) > 2 * limit.count
    counter.close()


@pytest.mark.security(22)
def test_the_limit_holds_over_workers_and_services(
    make_door: Callable[..., Any], store: tuple[str, Any], tmp_path: Path
) -> None:
    settings = {"LIMITS": "60/60, GET /v1/products=7/60", "LIMITS_URL": store[0], "HTTP_WORKERS": "2"}
    one_folder, other_folder = tmp_path / "one", tmp_path / "other"
    with make_door(one_folder, **settings) as one, make_door(other_folder, **settings) as other:
        user = one.issuer.token("many", scope="")
        with ThreadPoolExecutor(16) as pool:

            def ask(number: int) -> Any:
                door = (one, other)[number % 2]
                return door.request("GET", "/v1/receipts/shop.purchases-0-0", user)

            answers = list(pool.map(ask, range(300)))
        passed = [answer for answer in answers if answer.status != 429]
        refused = [answer for answer in answers if answer.status == 429]
        assert len(passed) == 60, "1.0 times the limit, over two services of two workers"
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"60"}
        assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in refused)
        assert sorted(int(answer.headers["RateLimit-Remaining"]) for answer in passed) == list(range(60))
        # Another route, another caller, and nobody at all have counts of their own.
        assert one.request("GET", "/v1/products", user).headers["RateLimit-Limit"] == "7"
        stranger = one.issuer.token("stranger", scope="")
        assert one.request("GET", "/v1/receipts/shop.purchases-0-0", stranger).status != 429
        strangers = [one.request("GET", "/v1/products", "shop_guess").status for _ in range(70)]
        assert strangers == [401] * 60 + [429] * 10, "guessing is limited as well, by address"
        assert one.request("GET", "/healthz").status == 200


@pytest.mark.security(22)
def test_without_the_store_each_worker_counts_and_requests_go_on(
    make_door: Callable[..., Any], store: tuple[str, Any], tmp_path: Path
) -> None:
    settings = {"LIMITS": "5/60", "LIMITS_URL": store[0], "HTTP_WORKERS": "2"}
    with make_door(tmp_path, **settings) as door:
        user = door.issuer.token("u", scope="")
        store[1].send_signal(signal.SIGSTOP)
        try:
            statuses = [door.request("GET", "/v1/receipts/shop.purchases-0-0", user).status for _ in range(40)]
        finally:
            store[1].send_signal(signal.SIGCONT)
        assert 5 <= sum(status != 429 for status in statuses) <= 10 and 429 in statuses
        assert "limits_not_shared" in door.log.read_text()


@pytest.mark.security(14, 22)
def test_a_store_that_moves_is_followed_without_a_restart(
    make_door: Callable[..., Any], store: tuple[str, Any], tmp_path: Path, until: Callable[..., None]
) -> None:
    """Its address is a secret, since it holds the password: the workers end one by one and begin at the new one."""
    address = tmp_path / "address"
    address.write_text(f"{store[0]}/1\n")
    with make_door(tmp_path, LIMITS="50/600", LIMITS_URL_FILE=str(address), HTTP_WORKERS="2") as door:
        user = door.issuer.token("u", scope="")

        def left() -> int:
            # A connection that is kept may be one that its worker ends just then.
            answer = door.request("GET", "/v1/receipts/shop.purchases-0-0", user, headers={"Connection": "close"})
            return int(answer.headers["RateLimit-Remaining"])

        assert [left() for _ in range(5)] == [49, 48, 47, 46, 45]
        fresh = address.with_suffix(".new")
        fresh.write_text(f"{store[0].replace('redis', 'valkey')}/2\n")
        fresh.replace(address)
        with redis.Redis.from_url(f"{store[0]}/2") as second:
            until(lambda: left() and second.dbsize(), "the new store is counted in")
        until(lambda: door.log.read_text().count("credentials_changed") == 2, "both workers have ended")
