"""cm-ops of a Shop, as the Shop's status tells of it, on an API server in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shop_operator.adapters.campaigns_api import Campaigns, CampaignsApi
from shop_operator.adapters.dependencies import Dependencies
from shop_operator.controllers.shop import Shops
from shop_operator.controllers.status_writer import Reporter
from shop_operator.testing import MergingCluster

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
BOTH = ("shop-cm-server", "shop-cm-api")


class Platform:
    """A Shop, and whoever else writes what the operator reads: the kubelet and the controllers."""

    def __init__(self, body: Manifest) -> None:
        self._place = body["metadata"]["namespace"], body["metadata"]["name"]
        head = {"namespace": self._place[0], "name": body["spec"]["mongodb"]["uriSecretRef"]["name"]}
        self.cluster = MergingCluster(body, {"kind": "Secret", "metadata": head, "data": {"uri": "eA=="}})
        campaigns = Campaigns(self.cluster, CampaignsApi(""), timedelta(hours=1))
        self._shops = Shops(self.cluster, Reporter(self.cluster), campaigns, Dependencies(self.cluster, {}))

    def look(self) -> Manifest:
        """What the status says after a look of the operator."""
        assert self._shops.reconcile(*self._place)
        status: Manifest = self.cluster.objects["Shop", *self._place]["status"]
        return status

    def change(self, body: Manifest) -> None:
        before = self.cluster.objects["Shop", *self._place]
        self.cluster.put(body | {"status": before["status"]})

    def runs(self, *names: str) -> None:
        for live in self.cluster.of("Deployment"):
            if live["metadata"]["name"] in names:
                count = live["spec"]["replicas"]
                counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), count)
                live["status"] = {"observedGeneration": 1, **counts}

    def indexed(self) -> None:
        for live in self.cluster.of("Job"):
            live["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}

    def consumes(self) -> None:
        for live in self.cluster.of("ShopConsumer"):
            live["status"] = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}

    def named(self, name: str) -> set[str]:
        return {kind for kind, _, found in self.cluster.objects if found == name}


@pytest.fixture
def platform(shop: Make) -> Platform:
    """Cm-server and cm-api run, the indexes are made, and so is the consumer."""
    made = Platform(shop(ops={}))
    made.look()
    made.runs(*BOTH)
    made.indexed()
    made.look()
    return made


def test_cm_ops_is_waited_for_once_buyers_miss_nothing(platform: Platform) -> None:
    first = platform.look()
    assert first["ops"] == "0/1" and "ShopConsumers that are not ready" in first["reason"]
    platform.consumes()
    assert "Deployment shop-cm-ops" in platform.look()["reason"]
    platform.runs("shop-cm-ops")
    last = platform.look()
    assert (last["ops"], last["reason"]) == ("1/1", "")
    assert next(each for each in last["conditions"] if each["type"] == "Ready")["status"] == "True"


def test_cm_ops_goes_when_nobody_asks_for_it(platform: Platform, shop: Make) -> None:
    assert platform.named("shop-cm-ops") == {"Deployment", "Service", "ServiceAccount", "NetworkPolicy"}
    platform.consumes()
    platform.change(shop())
    last = platform.look()
    assert "ops" not in last and last["reason"] == ""
    assert platform.named("shop-cm-ops") == set()
    assert platform.named("shop-cm-api") >= {"Deployment", "PodDisruptionBudget"}
