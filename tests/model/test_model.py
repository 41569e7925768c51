"""Everything that the shop shows equals what its documented rules make of its log, after clients who do all at once,
consumers that are killed, held, more and fewer, and rebuilds meanwhile.

MODEL_SEEDS and MODEL_STEPS (of each client) make a run large: `make test-long`, which begins no seed after
MODEL_UNTIL (Unix time). A seed gives the same intentions each time; which of them meet is up to the machine, so a
failure is tried again with ever fewer of its requests.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from cm_api.registry import rebuildable
from shop_core import api_keys
from shop_core.events import DOMAINS
from shop_model import trouble
from shop_model.checks import TOPICS, Judge
from shop_model.clients import Client
from shop_model.replay import smallest
from shop_model.town import Town
from shopctl.layout import HOST, PREFIX
from shopctl.processes import tool
from shopctl.supervisor import spawn

if TYPE_CHECKING:
    from tests.conftest import StartPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SEEDS = int(os.environ.get("MODEL_SEEDS", "2"))
STEPS = int(os.environ.get("MODEL_STEPS", "12"))
UNTIL = float(os.environ.get("MODEL_UNTIL", "inf"))
CLIENTS = 6
REPAIR_EVERY = 10
Started = tuple["subprocess.Popen[bytes]", Callable[[], bool]]
Start = Callable[..., Started]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: StartPlatform) -> Iterator[Any]:
    """One of its own, with two consumers of each domain, so that partitions are ahead of each other."""
    words = [word for name in DOMAINS for word in ("--consumers", f"{name}={trouble.CONSUMERS}")]
    with start_platform(tmp_path_factory.mktemp("model"), *words) as platform:
        yield platform


@pytest.fixture(scope="module")
def asked() -> set[str]:
    """The receipts that are known to be right already."""
    return set()


@pytest.fixture
def judge(shop: Any, asked: set[str], until: Callable[..., None]) -> Judge:
    return Judge(shop, until, tuple(rebuildable()), asked)


@pytest.fixture
def start(shop: Any, tmp_path: Any) -> Iterator[Start]:
    """Starts a program of the shop's beside those of the platform, which ends with the test at the latest; and says
    whether it is ready."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: tuple[str, ...], port: int, ready_at: str, **environ: str) -> Started:
        log = tmp_path / f"{len(started)}.log"
        started.append(spawn((tool(command[0]), *command[1:]), shop.environment | environ, log))

        def ready() -> bool:
            try:
                answer = shop.http.request("GET", f"http://{HOST}:{port}{ready_at}", retries=False)
            except urllib3.exceptions.HTTPError:
                return False
            return bool(answer.status == 200)

        return started[-1], ready

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(60)


@pytest.fixture
def doors(shop: Any, start: Start, tmp_path: Any, until: Callable[..., None]) -> tuple[Callable[..., Any], ...]:
    """The platform's, where nobody is asked who they are, and one where callers have API keys. There an Idempotency-Key
    is its caller's, whatever it is for: one may name what is in two partitions."""
    keys, port = tmp_path / "api-keys.json", free_port()
    _, text = api_keys.create(keys, "model", "admin")
    asking = {"AUTH_MODE": "apikey", "AUTH_API_KEYS_FILE": str(keys), "CM_API_URL": shop.api_url}
    _, ready = start(("cm-server",), port, f"{PREFIX}/readyz", HTTP_HOST=HOST, HTTP_PORT=str(port), **asking)
    until(ready, "the door that asks for keys is ready")

    def request(method: str, path: str, headers: Any = None, **options: Any) -> Any:
        named = {"Authorization": f"Bearer {text}", **(headers or {})}
        return shop.http.request(method, f"http://{HOST}:{port}{PREFIX}{path}", headers=named, retries=False, **options)

    return shop.request, request


@pytest.fixture
def start_consumers(start: Start, until: Callable[..., None]) -> Callable[..., list[Any]]:
    """One more of each of these domains, which take part."""

    def start_them(*domains: str) -> list[Any]:
        started = []
        for domain in domains:
            port = free_port()
            health = {"HEALTH_PORT": str(port), "CONSUMER_SESSION_TIMEOUT_MS": "3000"}
            started.append(start(("cm-api-consumer", "--domain", domain), port, "/readyz", **health))
        until(lambda: all(ready() for _, ready in started), "the consumers are ready")
        return [process for process, _ in started]

    return start_them


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def test_each_domain_has_a_model() -> None:
    assert set(TOPICS) == {domain.topic for domain in DOMAINS.values()}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_view_is_what_the_rules_make_of_the_log(
    shop: Any, judge: Judge, start_consumers: Callable[..., list[Any]], doors: tuple[Callable[..., Any], ...], seed: int
) -> None:
    if time.time() > UNTIL:
        pytest.skip("the time for seeds is over (MODEL_UNTIL)")
    town = Town(doors)
    town.open()
    clients = [Client(town, f"{seed}-{number}", number % len(doors)) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.live, args=(STEPS,)) for client in clients]
    befalls = trouble.Trouble(shop, seed, STEPS)
    try:
        for thread in threads:
            thread.start()
        others = [name for name in DOMAINS if name != "catalog"]
        with trouble.one_more(start_consumers("catalog", others[seed % len(others)])):
            meanwhile = [shop.shopctl("rebuild", domain, "--check") for domain in rebuildable()]
        for thread in threads:
            thread.join()
    finally:
        befalls.end()
    assert [each.returncode for each in meanwhile] == [0] * len(meanwhile), meanwhile
    found = judge.differences(town)
    told = smallest(shop, town, found, judge.differences) if found else ""
    assert not found, "\n".join([*found[:20], f"{len(found)} differences", told])
    found = judge.tools()
    told = smallest(shop, town, found, judge.everything) if found else ""
    assert not found, "\n".join([*found, told])
    found = judge.repaired(town) if seed % REPAIR_EVERY == 0 else []
    assert not found, "\n".join(["after a repair:", *found])
