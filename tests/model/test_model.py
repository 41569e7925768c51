"""Everything that the shop shows equals what its documented rules make of its log, after clients who do all at once,
consumers that are killed, held, more and fewer, and rebuilds meanwhile.

MODEL_SEEDS and MODEL_STEPS (of each client) make a run large: `make test-long`. A seed gives the same intentions
each time; which of them meet is up to the machine, so a failure is tried again with ever fewer of its requests.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cm_api.registry import rebuildable
from shop_core.events import DOMAINS
from shop_model import trouble
from shop_model.checks import TOPICS, Judge
from shop_model.clients import Client
from shop_model.replay import smallest
from shop_model.town import Town
from shopctl.processes import tool
from shopctl.supervisor import spawn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SEEDS = int(os.environ.get("MODEL_SEEDS", "2"))
STEPS = int(os.environ.get("MODEL_STEPS", "20"))
CLIENTS = 6


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: Any) -> Iterator[Any]:
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
def start_consumer(shop: Any, tmp_path: Any) -> Callable[[str], Any]:
    """One of a domain beside those that the platform has, tied to this process."""

    def start(domain: str) -> Any:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environ = shop.environment | {"HEALTH_PORT": str(port), "CONSUMER_SESSION_TIMEOUT_MS": "3000"}
        return spawn((tool("cm-api-consumer"), "--domain", domain), environ, tmp_path / f"{domain}.log")

    return start


def test_each_domain_has_a_model() -> None:
    assert set(TOPICS) == {domain.topic for domain in DOMAINS.values()}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_view_is_what_the_rules_make_of_the_log(
    shop: Any, judge: Judge, start_consumer: Callable[[str], Any], seed: int
) -> None:
    town = Town(shop.request)
    town.open()
    clients = [Client(town, f"{seed}-{number}") for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.live, args=(STEPS,)) for client in clients]
    befalls = trouble.Trouble(shop, seed)
    try:
        for thread in threads:
            thread.start()
        others = [name for name in DOMAINS if name != "catalog"]
        with trouble.one_more(start_consumer, ("catalog", others[seed % len(others)])):
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
