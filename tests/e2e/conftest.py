"""The cluster of a session: the one KUBECONFIG names, the one that `make cluster-up` keeps, or one of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_cluster import box, cluster
from shop_cluster.client import Client
from shop_cluster.installed import VALUES, InstalledShop
from shop_cluster.places import place_of
from shop_cluster.traces import traces


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
        try:
            cluster.up(place)
            yield Client(place.kubeconfig, place.bin)
        finally:
            cluster.down(place)
        assert traces(place) == before


@pytest.fixture(scope="session")
def shop(k8s: Client) -> Iterator[InstalledShop]:
    """The shop, installed once for all tests; SHOP_VALUES, SHOP_HOST and SHOP_ADDRESS fit it to one's own cluster."""
    installed = InstalledShop(
        k8s,
        host=os.environ.get("SHOP_HOST", "shop.localtest.me"),
        address=os.environ.get("SHOP_ADDRESS", "127.0.0.1"),
        values=Path(os.environ.get("SHOP_VALUES", VALUES)).absolute(),
    )
    installed.notes = installed.install()
    yield installed
    if installed.get("shop")["items"]:  # unless the last test has uninstalled it
        installed.helm("uninstall", installed.name, "--wait", "--timeout=5m")
    k8s.kubectl("delete", "namespace", installed.namespace, "--wait=false")


@pytest.fixture
def namespace(k8s: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty namespace for one test, removed after it."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:50].strip("-")
    k8s.kubectl("create", "namespace", name)
    yield name
    k8s.kubectl("delete", "namespace", name, "--wait=false")
