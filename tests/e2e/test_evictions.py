"""A node may be drained, and no drain takes more than one pod of a budget at once. All nodes of three: full/."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shop_cluster.evictions import Budget, budgets, evict
from shop_cluster.installation import Installation
from shop_cluster.kafka_nodes import called, ready
from shop_cluster.shopping import Load, Shoppers

Until = Callable[..., None]


def test_no_budget_keeps_a_node_from_being_drained(shop: Installation, until: Until) -> None:
    found = budgets(shop)
    names = {budget.name for budget in found}
    assert {f"{shop.name}-{part}" for part in ("cm-server", "cm-api", "kafka-broker", "kafka-controller")} < names
    for budget in found:
        pods = budget.pods()
        if pods:
            until(lambda pod=pods[0], of=budget: evict(of.shop, pod, dry=True), f"a pod of {budget.name} may go", 60)


@pytest.mark.timeout(300)
def test_a_second_pod_is_not_evicted_before_the_first_is_back(shop: Installation, until: Until) -> None:
    budget, load = Budget(shop, f"{shop.name}-cm-server"), Load(shop)
    until(lambda: budget.status["disruptionsAllowed"] == 1, "all pods are well", 60)
    with Shoppers(load, clients=2) as shoppers:
        first, second = budget.pods()
        assert evict(shop, first)
        assert not evict(shop, second, dry=True)
        until(lambda: evict(shop, second, dry=True), "the second may go", 90)
        # Not before there was another in the first one's place.
        others = [pod for pod in budget.pods() if called(pod) not in map(called, (first, second))]
        assert [ready(pod) for pod in others] == [True]
        mark = shoppers.bought
        until(lambda: shoppers.bought > mark + 20, "the shop sells", 60)
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 90)
    load.judge()
