"""The other domains on a real cluster, through the ingress: each answers, each scales on its own lag, campaigns warm
consumers up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop_cluster.installation import Installation
from shop_core.events import DOMAINS

Until = Callable[..., None]
PRODUCTS = 300
LAG_PER_POD = 100
WAIT = {"Prefer": "wait=10"}


def send(shop: Installation, method: str, path: str, body: Any = None, status: int = 201) -> dict[str, Any]:
    """The answer to a command that is waited for."""
    payload = None if body is None else json.dumps(body).encode()
    answer = shop.request(method, path, body=payload, headers=WAIT)
    assert answer.status == status, answer.data
    return answer.json() if answer.data else dict(answer.headers)


def read(shop: Installation, path: str) -> Any:
    answer = shop.request("GET", path, headers={"Accept": "application/json"})
    assert answer.status == 200, answer.data
    return answer.json()


def around(before: timedelta, after: timedelta) -> dict[str, str]:
    now = datetime.now(UTC)
    return {"startDate": (now - before).isoformat(), "endDate": (now + after).isoformat()}


def change_shop(shop: Installation, **spec: Any) -> None:
    shop.kubectl("patch", "shop", shop.name, "--type=merge", "-p", json.dumps({"spec": spec}))


def statuses(shop: Installation) -> dict[str, dict[str, Any]]:
    """The status of each domain's ShopConsumer."""
    return {c["metadata"]["name"]: c.get("status", {}) for c in shop.get("shopconsumer")["items"]}


def replicas(shop: Installation, name: str) -> int:
    return int(statuses(shop)[name].get("replicas", 0))


def ready(shop: Installation, name: str) -> dict[str, str]:
    found: dict[str, str] = next(c for c in statuses(shop)[name]["conditions"] if c["type"] == "Ready")
    return found


def asks_for(shop: Installation, domain: str) -> Any:
    """The resources of a pod that its Deployment would make now."""
    [container] = shop.get("deployment", domain)["spec"]["template"]["spec"]["containers"]
    return container["resources"]


@pytest.fixture
def quick(shop: Installation, until: Until) -> Iterator[dict[str, int]]:
    """The consumers shrink after 5 s for the length of a test; how many pods each has at rest."""
    before = shop.get("shop", shop.name)["spec"]["consumers"]
    change_shop(shop, consumers=[c | {"lagThreshold": LAG_PER_POD, "cooldownPeriod": 5} for c in before])
    rest = {c["domain"]: c.get("minReplicas", 1) for c in before}
    until(lambda: {name: replicas(shop, name) for name in rest} == rest, "all are at rest", 180)
    yield rest
    change_shop(shop, consumers=before)


@contextmanager
def halted(shop: Installation, domain: str, until: Until) -> Iterator[None]:
    """Meanwhile the domain's consumer has no pod, so that lag can gather."""
    shop.kubectl("scale", f"shopconsumer/{domain}", "--replicas=0")
    try:
        # A pod on its way out may still read: it is waited for, not only for the number that is asked for.
        chosen = ("-l", f"scalable-shop.dev/consumer={domain}")
        until(lambda: not shop.get("pods", *chosen)["items"], "the last pod is gone", 90)
        yield
    finally:
        shop.kubectl("patch", f"shopconsumer/{domain}", "--type=merge", "-p", '{"spec": {"replicas": null}}')


@contextmanager
def nowhere(shop: Installation, domain: str, until: Until) -> Iterator[None]:
    """Meanwhile the pods of one domain's consumer ask for more memory than any node has."""
    before = shop.get("shop", shop.name)["spec"]["consumers"]
    huge = {kind: {"memory": "900Ti"} for kind in ("requests", "limits")}
    change_shop(shop, consumers=[c | {"resources": huge} if c["domain"] == domain else c for c in before])
    try:
        until(lambda: asks_for(shop, domain) == huge, "pods to come would ask for it", 60)
        yield
    finally:
        change_shop(shop, consumers=before)


@pytest.fixture
def campaign(shop: Installation) -> Iterator[Callable[..., str]]:
    """Makes campaigns that are gone after the test."""
    made: list[str] = []

    def make(name: str, before: timedelta, after: timedelta) -> str:
        made.append(send(shop, "POST", "/campaign-events/", {"name": name, **around(before, after)})["id"])
        return made[-1]

    yield make
    for id in made:
        if shop.request("GET", f"/campaign-events/{id}").status == 200:
            send(shop, "DELETE", f"/campaign-events/{id}", status=204)


def test_campaigns_and_their_events_through_the_ingress(shop: Installation, campaign: Callable[..., str]) -> None:
    name = f"e2e {uuid.uuid4().hex[:8]}"
    id = campaign(name, timedelta(minutes=5), timedelta(minutes=5))
    assert read(shop, f"/campaign-events/{id}")["name"] == name
    inside = {"name": "Opening", "campaignEventId": id, **around(timedelta(minutes=1), timedelta(minutes=1))}
    event = send(shop, "POST", "/events/", inside)["id"]
    assert [each["id"] for each in read(shop, f"/campaign-events/{id}/events")["events"]] == [event]
    outside = inside | {"name": "Late", **around(timedelta(0), timedelta(hours=1))}
    assert "inside its campaign" in send(shop, "POST", "/events/", outside, status=422)["detail"]
    receipt = send(shop, "PATCH", f"/campaign-events/{id}", {"name": f"{name}!"}, status=200)["receipt"]
    live = read(shop, f"/campaign-events/live?after={receipt}")
    assert f"{name}!" in [each["name"] for each in live["campaigns"]] and live["changes"]
    assert event in [each["id"] for each in read(shop, "/events/live")["events"]]
    gone = send(shop, "DELETE", f"/campaign-events/{id}", status=204)["X-Receipt"]
    assert event not in [each["id"] for each in read(shop, f"/events/live?after={gone}")["events"]]


def test_analytics_through_the_ingress(shop: Installation, until: Until) -> None:
    # An hour of its own, so that a second run on the same cluster counts anew.
    hour = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000) + uuid.uuid4().int % 8760 * 3_600_000
    before = read(shop, f"/analytics?timestamp={hour}")
    users = [uuid.uuid4().hex for _ in range(3)]
    for user, kind in [*((user, "click") for user in users), *((user, "impression") for user in users[:2])]:
        receipt = send(shop, "POST", f"/analytics?timestamp={hour + 1}&user={user}&{kind}", status=204)["X-Receipt"]
        read(shop, f"/analytics?timestamp={hour}&after={receipt}")
    found = read(shop, f"/analytics?timestamp={hour}")
    grown = {name: found[name] - before[name] for name in ("uniqueUsers", "clicks", "impressions")}
    assert grown == {"uniqueUsers": 3, "clicks": 3, "impressions": 2}
    text = shop.request("GET", f"/analytics?timestamp={hour}").data.decode()
    assert text.splitlines()[1] == f"clicks,{found['clicks']}"
    series = read(shop, f"/analytics/series?from={hour}&to={hour + 3_600_000}")["series"]
    assert [each["clicks"] for each in series] == [found["clicks"]]


def test_operators_see_every_domain_through_the_ingress(shop: Installation, until: Until) -> None:
    """By cm-ops' own users of Kafka and MongoDB, and by the connections that its policies open."""
    body = {"username": "e2e-ops", "userid": "e2e-ops", "price": "1.00"}
    send(shop, "POST", "/v1/purchases", body)
    partitions = shop.get("shop", shop.name)["spec"]["kafka"]["topics"]["partitions"]

    def told() -> bool:
        answer = shop.request("GET", "/v1/ops/snapshot")
        found = {each["name"]: each for each in answer.json()["domains"]} if answer.status == 200 else {}
        return (
            found.keys() == DOMAINS.keys()
            and all(len(each["partitions"]) == partitions and each["members"] for each in found.values())
            and all(each["balance"]["difference"] == 0 for each in found.values())
            and found["purchases"]["balance"]["stored"] > 0
        )

    until(told, "figures of all domains", 60)
    assert shop.get("shop", shop.name)["status"]["ops"] == "1/1"
    assert shop.ask("GET", "/v1/ops/snapshot").status == 401
    assert read(shop, "/v1/ops/history")["domains"].keys() == DOMAINS.keys()


def test_only_the_domain_with_lag_grows(shop: Installation, quick: dict[str, int], until: Until) -> None:
    run = uuid.uuid4().hex[:8]

    def make(number: int) -> str:
        body = json.dumps({"name": f"Lamp {run} {number}", "price": "39.90"}).encode()
        answer = shop.request("POST", "/v1/products", body=body)
        assert answer.status == 202, answer.data
        return str(answer.json()["id"])

    others = {name: count for name, count in quick.items() if name != "catalog"}

    def grown() -> bool:
        seen = statuses(shop)
        assert {name: seen[name]["wanted"] for name in others} == others, "no other domain has lag"
        return int(seen["catalog"]["wanted"]) == PRODUCTS // LAG_PER_POD

    # Pods that find no node: the lag waits until the autoscaler has looked, however fast a pod would be.
    with nowhere(shop, "catalog", until):
        with halted(shop, "catalog", until):
            with ThreadPoolExecutor(8) as pool:
                made = list(pool.map(make, range(PRODUCTS)))
            until(lambda: statuses(shop)["catalog"].get("lag") == PRODUCTS, "the lag is seen", 60)
        until(grown, "several pods for the catalog's lag", 120)
        until(lambda: "has no node: " in ready(shop, "catalog")["message"], "the status says what keeps them", 30)
        assert ready(shop, "catalog")["reason"] == "PodsFailing"
    until(lambda: statuses(shop)["catalog"].get("lag") == 0, "the lag is gone", 120)
    answers = (shop.request("GET", f"/v1/products/{id}").status for id in made[:: PRODUCTS // 10])
    assert set(answers) == {200}
    until(lambda: replicas(shop, "catalog") == quick["catalog"], "and the pods with it", 120)
    until(lambda: ready(shop, "catalog")["status"] == "True", "all is well again", 60)


def test_a_campaign_warms_consumers_up_until_it_is_gone(
    shop: Installation, quick: dict[str, int], campaign: Callable[..., str], until: Until
) -> None:
    change_shop(shop, campaignWarmUp={"consumers": ["analytics"], "extraReplicas": 2, "minutesBefore": 10})
    try:
        name = f"fair {uuid.uuid4().hex[:8]}"
        id = campaign(name, timedelta(minutes=-5), timedelta(hours=1))  # it starts in five minutes
        warm = quick["analytics"] + 2
        until(lambda: replicas(shop, "analytics") == warm, "warmed up", 120)
        assert shop.get("shop", shop.name)["status"]["warmUp"]["campaign"] == name
        assert statuses(shop)["analytics"]["reason"] == f"no lag: minReplicas {warm} (2 for {name})"
        assert replicas(shop, "purchases") == quick["purchases"], "who is not named stays as it is"
        send(shop, "DELETE", f"/campaign-events/{id}", status=204)
        until(lambda: replicas(shop, "analytics") == quick["analytics"], "cooled down", 120)
        events = shop.get("events", "--field-selector", f"involvedObject.name={shop.name}")["items"]
        assert {"WarmUpStarted", "WarmUpEnded"} <= {event["reason"] for event in events}
        assert "warmUp" not in shop.get("shop", shop.name)["status"]
    finally:
        change_shop(shop, campaignWarmUp=None)
