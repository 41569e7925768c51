"""From the chart, the definitions and the images of the first version to these, by the commands of
docs/how-to/kubernetes.md, with data there and while clients buy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from shop_cluster.client import Client
from shop_cluster.images import PREFIX
from shop_cluster.installation import Installation
from shop_cluster.older import OlderVersion
from shop_cluster.places import ROOT, place_of
from shop_cluster.shopping import Load, Shoppers

FIRST = "afb1770"
DEFINITIONS = ("shops.scalable-shop.dev", "shopconsumers.scalable-shop.dev")
NEW = ROOT / "charts" / "shop-operator" / "crds"


@pytest.fixture
def older() -> OlderVersion:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("the first version's images are built for, and loaded into, the cluster of this machine")
    return OlderVersion(place_of(), FIRST)


@pytest.fixture
def release(k8s: Client, older: OlderVersion) -> Iterator[Installation]:
    """The first version, as whoever installed it then has it, with its definitions."""
    there = any(name in k8s.kubectl("get", "crd", "-o", "name") for name in DEFINITIONS)
    assert not (there and k8s.get("shops.scalable-shop.dev", "-A")["items"]), "there are Shops: this test needs none"
    k8s.kubectl("delete", "crd", *DEFINITIONS, "--ignore-not-found")
    older.load()
    made = Installation(k8s, "first", host="first.localtest.me", chart=older.chart)
    made.install("--set", where(older.repository))
    yield made
    made.uninstall()
    k8s.kubectl("delete", "namespace", made.namespace, "--wait=false")


def where(repository: str) -> str:
    """The values that name the project's own images."""
    return f"shop.images.repository={repository},operator.image.repository={repository}/operator"


def images(shop: Installation) -> set[str]:
    return {c["image"] for pod in shop.pods() for c in pod["spec"]["containers"] if pod["status"]["phase"] == "Running"}


@pytest.mark.timeout(2400)
def test_an_upgrade_from_the_first_version_loses_no_event(
    release: Installation, older: OlderVersion, until: Callable[..., None]
) -> None:
    until(lambda: release.ask("GET", "/healthz").status == 200, "the ingress knows the door")
    before, load = Load(release), Load(release)
    before.batch(2000)
    until(lambda: before.arrived() == len(before.ids), "what is there beforehand is stored", 180)
    assert any(image.startswith(f"{older.repository}/") for image in images(release))
    now = Installation(release.k8s, release.namespace, host=release.host)
    with Shoppers(load) as shoppers:
        until(lambda: shoppers.bought > 50, "the shop sells", 120)
        now.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(NEW))
        now.upgrade("--reset-then-reuse-values", "--set", where(PREFIX))
        mark = shoppers.bought
        until(lambda: shoppers.bought > mark + 50, "and sells on", 180)
    assert not [image for image in images(now) if image.startswith(f"{older.repository}/")]
    for each in (before, load):
        until(lambda each=each: each.arrived() >= len(each.ids), "all purchases are stored", 180)
        each.judge()
