"""What a Shop or ShopConsumer wants is one value: what is applied is what a prune keeps, and nothing else stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shop_operator.adapters.campaigns_api import Campaigns, CampaignsApi
from shop_operator.adapters.dependencies import Dependencies
from shop_operator.controllers.pruning import PRUNED
from shop_operator.controllers.shop import Shops
from shop_operator.controllers.status_writer import Reporter
from shop_operator.desired import consumer_objects, shop_objects
from shop_operator.desired.consumer_objects import Scaling
from shop_operator.desired.shop_objects import Key
from shop_operator.testing import ConsumerPlace, MergingCluster
from shop_runtime.scaling.rule import Cap, Decision, Floor, Limits

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
CPU = {"minReplicas": 2, "maxReplicas": 5, "cpuPercent": 60}
WARM = {"campaign": "sale", "until": "2026-01-01T00:00:00Z", "extraReplicas": 2, "consumers": ["purchases"]}
# Each names something that no Shop has by default.
ASKED: list[Manifest] = [
    {"ops": {}},
    {"ingress": {"host": "shop.example"}},
    {"gateway": {"parentRefs": [{"name": "public"}]}},
    {"server": {"autoscaling": CPU}},
    {"consumers": [{"domain": "purchases"}, {"domain": "catalog"}]},
]


class Place:
    """A Shop on an API server in memory; the Job of its indexes is done as soon as it is there."""

    def __init__(self, body: Manifest) -> None:
        self.cluster = MergingCluster(body)
        campaigns = Campaigns(self.cluster, CampaignsApi(""), timedelta(hours=1))
        self._shops = Shops(self.cluster, Reporter(self.cluster), campaigns, Dependencies(self.cluster, {}))

    def look(self, body: Manifest) -> list[tuple[str, str, str]]:
        """What a look at this Shop asks of the API server."""
        self.cluster.put(body)
        self.cluster.calls.clear()
        assert self._shops.reconcile(body["metadata"]["namespace"], body["metadata"]["name"])
        for job in self.cluster.of("Job"):
            job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        return list(self.cluster.calls)

    def there(self) -> set[Key]:
        return {(kind, name) for kind, _, name in self.cluster.objects if kind not in ("Shop", "Event")}


def settled(body: Manifest) -> Place:
    """Looked at until there is nothing more to make."""
    place = Place(body)
    for _ in range(2):
        place.look(body)
    return place


@pytest.mark.parametrize("asked", [{}, *ASKED], ids=str)
def test_what_is_applied_is_what_a_prune_keeps(asked: Manifest, shop: Make) -> None:
    body = shop(**asked)
    place = Place(body)
    calls = place.look(body) + place.look(body)
    wanted = shop_objects.desired(body, None)
    assert {(kind, name) for verb, kind, name in calls if verb == "apply"} == wanted.keys == place.there()
    assert "delete" not in {verb for verb, _, _ in calls}
    assert {kind for kind, _ in wanted.keys} <= set(PRUNED), "what is not looked for can't be removed"


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_is_no_longer_asked_for_goes_and_nothing_else(asked: Manifest, shop: Make) -> None:
    before, after = shop(**asked), shop()
    place = settled(before)
    gone = shop_objects.desired(before, None).keys - shop_objects.desired(after, None).keys
    calls = place.look(after)
    assert {(kind, name) for verb, kind, name in calls if verb == "delete"} == gone != frozenset()
    assert place.there() == shop_objects.desired(after, None).keys


def test_a_tier_goes_with_all_that_belongs_to_it(shop: Make) -> None:
    with_ops, without = (shop_objects.desired(body, None) for body in (shop(ops={}), shop()))
    assert [tier.name for tier in with_ops.tiers] == list(with_ops.workloads) == ["cm-server", "cm-api", "cm-ops"]
    kinds = ("Deployment", "NetworkPolicy", "Service", "ServiceAccount")
    assert with_ops.keys - without.keys == {(kind, "shop-cm-ops") for kind in kinds}


def test_a_prune_looks_only_when_what_is_asked_for_has_changed(shop: Make) -> None:
    place = settled(shop())

    def pruned(body: Manifest) -> bool:
        return ("list", "Ingress") in {call[:2] for call in place.look(body)}

    assert not pruned(shop()), "nothing has changed"
    assert not pruned(shop(server={"replicas": 3})), "no object more or less"
    assert pruned(shop(ops={})) and not pruned(shop(ops={}))
    other = shop(ops={})
    other["metadata"]["uid"] = "another"
    for live in place.cluster.objects.values():
        for owner in live["metadata"].get("ownerReferences", []):
            owner["uid"] = "another"
    assert pruned(other), "another Shop of that name"


def test_a_warm_up_changes_no_object_but_its_consumers(shop: Make) -> None:
    body = shop(consumers=[{"domain": "purchases"}, {"domain": "catalog"}])
    asked = copy.deepcopy(body)
    cold, warm = (shop_objects.desired(body, each) for each in (None, WARM))
    assert body == asked, "building writes nothing into the Shop"
    assert cold.keys == warm.keys and cold == shop_objects.desired(body, None)
    changed = [each["metadata"]["name"] for each in warm.manifests if each not in cold.manifests]
    assert changed == ["purchases"]


def test_a_tier_has_the_pods_that_it_asks_for_or_those_of_its_autoscaler(shop: Make) -> None:
    made = shop_objects.desired(shop(server={"autoscaling": CPU}, api={"replicas": 3}), None).workloads
    server, api = made["cm-server"], made["cm-api"]
    assert (server.first, server.fixed) == (2, None) and (api.first, api.fixed) == (3, 3)
    assert api.replicas()["spec"] == {"replicas": 3} and server.replicas()["spec"] == {"replicas": 2}
    assert all("replicas" not in each.deployment["spec"] for each in made.values())


def decided(wanted: int | None = 4, mode: str = "Auto", **rest: Any) -> Scaling:
    limits = Limits(2, 20, None, 100, **rest.pop("limits", {}))
    known: Manifest = {"partitions": 12, "extra": 0, "keda": True, "ordered": True, "keys": ("username",)}
    return Scaling(Decision(wanted, mode, ""), limits, **known | rest)


@pytest.mark.parametrize(
    ("scaling", "first", "fixed"),
    [
        (decided(), 4, None),
        (decided(None), 2, None),
        (decided(keda=False), 4, 4),
        (decided(None, keda=False), 2, 2),
        (decided(0, "Pinned"), 0, 0),
        (decided(0, "Pinned", limits={"dry": True}), 0, 0),
        (decided(9, "DryRun", limits={"dry": True}), 2, None),
        (decided(9, "DryRun", keda=False, limits={"dry": True}), 2, None),
    ],
)
def test_pods_are_held_where_nobody_scales_them(
    scaling: Scaling, first: int, fixed: int | None, consumer: Make
) -> None:
    made = consumer_objects.desired(consumer(), scaling)
    assert (made.workload.first, made.workload.fixed) == (first, fixed)


def test_keda_is_ordered_what_was_decided_and_nothing_while_it_may_not_be(consumer: Make) -> None:
    body = consumer(kafka={"bootstrapServers": "kafka:9092", "secretRef": {"name": "login"}})
    made = consumer_objects.desired(body, decided(limits={"cap": Cap(7, ""), "floor": Floor(3, "")}))
    assert made.scaled_object is not None and made.login is not None
    assert (made.scaled_object["spec"]["minReplicaCount"], made.scaled_object["spec"]["maxReplicaCount"]) == (3, 7)
    assert [each["key"] for each in made.login["spec"]["secretTargetRef"]] == ["username"]
    unread = consumer_objects.desired(body, decided(keys=None))
    assert unread.login is None and unread.scaled_object is not None, "a login that can't be read is left as it is"
    held = consumer_objects.desired(body, decided(ordered=False))
    assert held.login is None and held.scaled_object is None


def test_what_is_applied_of_a_consumer_is_what_it_wants(consumer: Make) -> None:
    body = consumer()
    made = consumer_objects.desired(body, decided())
    place = ConsumerPlace(body)
    place.look()
    applied = {(kind, name) for verb, kind, name in place.cluster.calls if verb == "apply"}
    every = (*made.companions, made.workload.deployment, made.scaled_object or {})
    assert applied == {(each["kind"], each["metadata"]["name"]) for each in every}
    assert made.unwanted == ()


def test_a_policy_that_is_switched_off_goes(consumer: Make) -> None:
    place = ConsumerPlace(consumer())
    place.look()
    assert [each["metadata"]["name"] for each in place.cluster.of("NetworkPolicy")] == ["billing.consumer"]
    place.cluster.put(consumer(networkPolicy=False))
    place.look()
    assert place.cluster.of("NetworkPolicy") == [] and len(place.cluster.of("PodDisruptionBudget")) == 1
