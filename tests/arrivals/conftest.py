"""A platform for strangers' records, of its own: what they do to it must not be what other suites find.

A test that leaves it standing still takes it away: the next one starts on a new one, so each verdict is its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shop_arrivals.draws import Domain
from shop_arrivals.rounds import Rounds
from shop_arrivals.senders import Senders
from shop_arrivals.shop import Shop
from shopctl.kafka_install import KafkaHome
from shopctl.layout import Ports, layout_of, project_root

if TYPE_CHECKING:
    from tests.conftest import StartPlatform

SESSION_MS = "10000"  # the default, so that a consumer that stands still for some seconds keeps its partitions
FAILED = pytest.StashKey[bool]()
STAGE = pytest.StashKey["Stage"]()


class Stage:
    """The platform in use, and everything that is connected to it."""

    def __init__(self, start: Callable[..., AbstractContextManager[Any]], folder: Callable[[], Path]) -> None:
        self._start, self._folder = start, folder
        self._open = ExitStack()
        self._rounds: Rounds | None = None

    def rounds(self) -> Rounds:
        """What is up, or else a new platform."""
        if self._rounds is None:
            try:
                self._rounds = self._new()
            except BaseException:
                self.clear()
                raise
        return self._rounds

    def _new(self) -> Rounds:
        folder = self._folder()
        platform = self._open.enter_context(self._start(folder, CONSUMER_SESSION_TIMEOUT_MS=SESSION_MS))
        home = KafkaHome(project_root(), layout_of(folder), Ports())
        run = uuid.uuid4().hex[:6]
        shop = Shop(platform)
        self._open.callback(shop.close)
        senders = Senders.of(platform.bootstrap, run, home.libs, folder / "sender.log")
        self._open.callback(senders.close)
        rounds = Rounds.of(shop, senders, run)
        self._open.callback(rounds.close)
        rounds.customers.meet()
        return rounds

    def after_failure(self) -> None:
        """Keep the platform where ordinary commands are still stored everywhere."""
        if self._rounds is not None:
            try:
                for domain in Domain:
                    self._rounds.beside(domain, ())
            except Exception:  # whatever is wrong with it, the next test starts on another
                self.clear()

    def clear(self) -> None:
        self._rounds = None
        self._open.close()


@pytest.fixture(scope="session")
def stage(
    start_platform: StartPlatform, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    stage = request.session.stash[STAGE] = Stage(start_platform, lambda: tmp_path_factory.mktemp("arrivals"))
    yield stage
    stage.clear()


@pytest.fixture
def rounds(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Rounds]:
    """The platform and all that is tried on it."""
    yield stage.rounds()
    if request.node.stash.get(FAILED, False):
        stage.after_failure()


@pytest.fixture
def new_rounds(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Rounds]:
    """The same on a platform that nothing was done to."""
    stage.clear()
    yield stage.rounds()
    if request.node.stash.get(FAILED, False):
        stage.after_failure()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The platform goes with the last of these tests: idle, it would cost the other suites their processors."""
    if (nextitem is None or nextitem.path.parent != item.path.parent) and STAGE in item.session.stash:
        item.session.stash[STAGE].clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report
