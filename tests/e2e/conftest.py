"""The cluster of a session: the one KUBECONFIG names, the one that `make cluster-up` keeps, or one of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from shop_cluster import box, cluster
from shop_cluster.client import Client
from shop_cluster.failure_report import Kubectl, state
from shop_cluster.installation import Installation
from shop_cluster.places import place_of
from shop_cluster.traces import traces
from shop_cluster.waiting import PATIENCE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the namespace that the test worked in."""
    report = yield
    for name in ("shop", "stage"):
        worked_in = item.funcargs.get(name)
        if report.failed and call.when != "teardown" and isinstance(worked_in, Kubectl):
            report.sections.append((f"the namespace of {name}", state(worked_in)))
    return report


@pytest.fixture(scope="session")
def k8s() -> Iterator[Client]:
    """A cluster with KEDA and an ingress; one that the session started itself must leave nothing on the machine."""
    place = place_of()
    if given := os.environ.get("KUBECONFIG"):
        yield Client(Path(given).absolute(), place.bin)
    elif box.runs(place):
        yield Client(place.kubeconfig, place.bin)
    else:
        before = traces(place)
        cluster.up(place)
        try:
            yield Client(place.kubeconfig, place.bin)
        finally:
            cluster.down(place)
        assert traces(place) == before


@pytest.fixture
def namespace(k8s: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty namespace for one test, removed after it."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:50].strip("-")
    k8s.kubectl("create", "namespace", name)
    yield name
    k8s.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def shop(k8s: Client) -> Iterator[Installation]:
    """The platform, installed once from the chart; a release that `make cluster-up` users keep is left alone."""
    made = Installation(k8s, "shop-e2e")
    made.install()
    yield made
    made.uninstall()
    k8s.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Waits for a condition of the cluster; what it waits for is in the error."""

    def wait(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds * PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.5)

    return wait
