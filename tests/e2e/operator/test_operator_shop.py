"""A Shop on a real cluster, with the services' own images: made, repaired, changed, and taken down in order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from shop_cluster.commands import ClusterError

if TYPE_CHECKING:
    from tests.e2e.operator.conftest import Stage

Until = Callable[..., None]
NAMES = {"cmServer": "cm-server", "cmApi": "cm-api"}
IMAGES = {key: f"localhost/scalable-shop/{name}:{version(name)}" for key, name in NAMES.items()}
SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}


def apply(stage: Stage, name: str = "shop", **spec: Any) -> None:
    base = {
        "images": IMAGES,
        "kafka": {"bootstrapServers": stage.bootstrap, "topics": {"partitions": 4}},
        "mongodb": {"database": stage.namespace, "uriSecretRef": {"name": "mongodb", "key": "uri"}},
        "server": {"replicas": 1, "resources": SMALL},
        "api": {"replicas": 1, "resources": SMALL},
        "consumers": [{"domain": "purchases", "lagThreshold": 10, "cooldownPeriod": 5, "resources": SMALL}],
        "drainGraceSeconds": 60,
    }
    head = {"name": name, "namespace": stage.namespace}
    body = {"apiVersion": "scalable-shop.dev/v1alpha1", "kind": "Shop", "metadata": head, "spec": {**base, **spec}}
    stage.k8s.apply(body)


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Stage:
    stage.kubectl(
        "create",
        "secret",
        "generic",
        "mongodb",
        "--from-literal=uri=mongodb://secantus.database:27017/?directConnection=true",
    )
    apply(stage, ingress={"className": "nginx", "host": f"{stage.namespace}.localtest.me"})
    stage.kubectl("wait", "shop/shop", "--for=condition=Ready", "--timeout=240s")
    return stage


def test_a_shop_becomes_ready_where_restricted_is_enforced(shop: Stage) -> None:
    columns = shop.kubectl("get", "shop", "shop").splitlines()
    assert columns[0].split()[:6] == ["NAME", "READY", "SERVER", "API", "CONSUMERS", "LAG"]
    assert columns[1].split()[:6] == ["shop", "True", "1/1", "1/1", "1/1", "0"]
    assert shop.condition("purchases", "Ready")["status"] == "True"
    conditions = {entry["type"]: entry["status"] for entry in shop.there("shop", "shop")["status"]["conditions"]}
    told = {
        "Ready": "True",
        "AuthenticationDisabled": "True",
        "CampaignsUnavailable": "False",
        "DependencyUnavailable": "Unknown",
        "NotScaling": "False",
    }
    assert conditions == told, "a Shop without auth says so"
    for kind, name in (("service", "shop-cm-server"), ("ingress", "shop"), ("networkpolicy", "shop-consumer")):
        assert shop.get(kind, name), name


def test_the_parts_talk_to_each_other(shop: Stage, until: Until) -> None:
    """By the API server's proxy, so that neither the ingress nor a port-forward has a part in it."""
    path = f"/api/v1/namespaces/{shop.namespace}/services/shop-cm-server:http/proxy/readyz"
    until(lambda: json.loads(shop.kubectl("get", "--raw", path))["ready"] is True, "cm-server reaches Kafka and cm-api")


def test_what_is_deleted_comes_back_and_what_is_not_asked_for_goes(shop: Stage, until: Until) -> None:
    until(shop.replaced("service", "shop-cm-api"), "the Service is back", 30)
    shop.kubectl("scale", "deployment/shop-cm-api", "--replicas=3")
    until(lambda: shop.replicas("shop-cm-api") == 1, "the number of pods is the Shop's", 30)
    apply(shop, gateway={"parentRefs": [{"name": "public"}]})
    until(lambda: shop.get("httproute", "shop"), "an HTTPRoute instead", 30)
    until(lambda: shop.get("ingress", "shop") is None, "of the Ingress", 30)
    apply(shop, server={"autoscaling": {"minReplicas": 1, "maxReplicas": 3}, "resources": SMALL})
    until(lambda: shop.get("hpa", "shop-cm-server"), "an autoscaler", 30)
    assert shop.replicas("shop-cm-server") == 1


def test_a_pin_outlives_the_shops_own_look(shop: Stage, until: Until) -> None:
    shop.kubectl("scale", "shopconsumer/purchases", "--replicas=2")
    until(lambda: shop.status("purchases").get("mode") == "Pinned", "pinned")
    seen = len(shop.operators[0].lines("event_recorded"))
    apply(shop, api={"replicas": 2, "resources": SMALL})
    until(lambda: shop.replicas("shop-cm-api") == 2, "the Shop was looked at")
    assert shop.there("shopconsumer", "purchases")["spec"]["replicas"] == 2 and seen
    shop.kubectl("patch", "shopconsumer", "purchases", "--type=json", "-p", '[{"op":"remove","path":"/spec/replicas"}]')
    until(lambda: shop.status("purchases").get("mode") == "Auto", "given back")


def test_a_campaign_warms_a_consumer_up_also_while_cm_api_is_away(shop: Stage, until: Until) -> None:
    def least() -> int:
        return int(shop.there("scaledobject", "purchases")["spec"]["minReplicaCount"])

    now = datetime.now(UTC)
    shop.calendar.campaigns.append(("fair", now + timedelta(minutes=5), now + timedelta(hours=1)))
    apply(shop, campaignWarmUp={"consumers": ["purchases"], "extraReplicas": 2})
    until(lambda: least() == 3 and shop.replicas("purchases") == 3, "two pods more", 90)
    assert shop.status("shop", "shop")["warmUp"]["campaign"] == "fair"
    until(lambda: shop.status("purchases")["reason"] == "no lag: minReplicas 3 (2 for fair)", "it says why")
    shop.kubectl("scale", "shopconsumer/purchases", "--replicas=1")
    until(lambda: shop.replicas("purchases") == 1, "a pin wins", 60)
    shop.kubectl("patch", "shopconsumer", "purchases", "--type=json", "-p", '[{"op":"remove","path":"/spec/replicas"}]')
    until(lambda: shop.replicas("purchases") == 3, "and gives back", 60)

    ends = datetime.now(UTC) + timedelta(seconds=30)
    shop.calendar.campaigns[:] = [("fair", now, ends)]
    until(lambda: shop.status("shop", "shop")["warmUp"]["until"] == ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "moved")
    shop.calendar.away = True
    shop.operators[0].end()
    shop.operators[0].start()
    until(lambda: shop.condition("shop", "CampaignsUnavailable", "shop").get("status") == "True", "cm-api is away", 30)
    assert least() == 3 and datetime.now(UTC) < ends, "the last decision holds, though a fresh operator never heard it"
    until(lambda: least() == 1, "until its end", 60)
    until(lambda: shop.replicas("purchases") == 1, "and the pods go", 90)
    shop.calendar.away = False
    until(lambda: shop.condition("shop", "CampaignsUnavailable", "shop").get("status") == "False", "it is back", 30)
    reasons = [reason for reason, _ in shop.events("shop")]
    once = ("WarmUpStarted", "WarmUpEnded", "CampaignsUnavailable", "CampaignsUnavailableResolved")
    assert [reasons.count(reason) for reason in once] == [1, 1, 1, 1], reasons


def test_draining_a_shop_shuts_the_door_and_leaves_nothing(shop: Stage, until: Until) -> None:
    shop.kubectl("annotate", "shop", "shop", "scalable-shop.dev/drain=true")
    shop.kubectl("wait", "shop/shop", "--for=delete", "--timeout=120s")
    kinds = "shopconsumer,deployment,service,ingress,httproute,scaledobject,networkpolicy,job,hpa,pdb"
    chosen = "app.kubernetes.io/part-of=scalable-shop"
    until(lambda: not shop.kubectl("get", kinds, "-l", chosen, "-o", "name").split(), "nothing is left", 60)
    reasons = [reason for reason, _ in shop.events("purchases") + shop.events("shop")]
    assert reasons.count("Drained") == 2 and "DrainTimedOut" not in reasons


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ingress": {"host": "a"}, "gateway": {"parentRefs": [{"name": "b"}]}}, "Set ingress or gateway, not both"),
        ({"consumer": []}, "consumer"),
        ({"server": {"replica": 1}}, "replica"),
        ({"consumers": [{"domain": "a", "lagThreshold": 1, "drainWithin": "5s"}]}, "or drainWithin (a time), not both"),
        ({"server": {"autoscaling": {"minReplicas": 5, "maxReplicas": 2}}}, "lower minReplicas or raise maxReplicas"),
        ({"consumers": [{"domain": "a"}, {"domain": "a"}]}, "uplicate"),
        ({"campaignWarmUp": {"consumers": ["catalog"]}}, "names a domain that spec.consumers does not have"),
        ({"campaignWarmUp": {"consumers": ["purchases"], "minutes": 5}}, "minutes"),
        ({"campaignWarmUp": {"consumers": []}}, "at least 1 item"),
        ({"cache": {"url": "redis://a", "urlSecretRef": {"name": "b", "key": "c"}}}, "exactly one of cache.url"),
        ({"cache": {"url": "redis://:secret@a"}}, "have no password"),
    ],
)
def test_the_api_server_refuses_with_a_sentence(stage: Stage, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(sentence)):
        apply(stage, "refused", **change)
    assert stage.get("shop", "refused") is None
