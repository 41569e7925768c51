"""A cluster without KEDA: consumers run and say so, and scaling starts by itself when KEDA arrives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shop_cluster import addons, cluster
from shop_cluster.client import Client
from shop_cluster.commands import ClusterError
from shop_cluster.images import archive_of
from shop_cluster.places import place_of

if TYPE_CHECKING:
    from tests.e2e.operator.conftest import Stage, StageOn

Until = Callable[..., None]
pytestmark = pytest.mark.skipif(
    "KUBECONFIG" in os.environ or os.geteuid() != 0, reason="takes KEDA from a cluster of its own, which needs root"
)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Client]:
    """A second cluster, beside the session's own, in which KEDA is missing."""
    place = place_of(tmp_path / "bare")
    cluster.up(place, without=frozenset(addons.OPTIONAL), fronts=False, project=False)
    try:
        # The images of KEDA and of the tests' Kafka, but not what makes them run.
        cluster.load(place, [archive_of("keda"), archive_of("database")])
        yield Client(place.kubeconfig, place.bin)
    finally:
        cluster.down(place)


def scaled(stage: Stage, name: str) -> bool:
    """Whether there is a ScaledObject. Their kind is new to the API server: it may not tell of it yet."""
    try:
        return stage.get("scaledobject", name) is not None
    except ClusterError as error:
        assert "the server doesn't have a resource type" in str(error)
        return False


def test_scaling_starts_when_keda_arrives(bare: Client, stage_on: StageOn, until: Until) -> None:
    with stage_on(bare) as stage:
        asleep, busy = stage.make("asleep"), stage.make("busy", minReplicas=2)
        for name, held in ((asleep, 1), (busy, 2)):
            until(lambda name=name: stage.condition(name, "Ready").get("status") == "True", "the consumer runs")
            assert stage.condition(name, "KedaMissing")["reason"] == "NotInstalled"
            assert "helm install keda" in stage.condition(name, "KedaMissing")["message"]
            assert (stage.replicas(name), stage.status(name)["mode"]) == (held, "Waiting")
        stage.kubectl("scale", "shopconsumer/busy", "--replicas=3")
        until(lambda: stage.replicas(busy) == 3, "a pin holds without KEDA too")
        stage.topics.produce("busy-topic", 45)

        bare.apply(addons.keda_manifest(bare))
        until(lambda: scaled(stage, asleep), "the ScaledObjects are made", 60)
        until(lambda: stage.replicas(asleep) == 0, "KEDA takes the idle pod away", 180)
        stage.kubectl("patch", "shopconsumer", busy, "--type=json", "-p", '[{"op":"remove","path":"/spec/replicas"}]')
        until(lambda: stage.replicas(busy) == 5, "KEDA scales on the lag", 120)
        assert stage.condition(asleep, "KedaMissing")["status"] == "False"
        assert "KedaMissingResolved" in dict(stage.events(asleep))
