"""Warm-up for campaigns: what is warm when, whom it raises, and what counts while cm-api is away."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from shop_core.events.fields import format_instant
from shop_core.responses import campaigns as answers
from shop_operator.adapters.campaigns_api import UNSEEN, ApiAway, Campaigns, CampaignsApi, unseen
from shop_operator.adapters.cluster import Cluster
from shop_operator.decisions import warm_up
from shop_operator.decisions.warm_up import Campaign, Told, decide, extra, news
from shop_operator.desired import policies, scaler, shop_consumers
from shop_operator.settings import load
from shop_runtime.scaling.rule import Limits
from shop_runtime.settings_loader import ConfigError

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ASKED = {"consumers": ["purchases", "analytics"], "extraReplicas": 2, "minutesBefore": 10}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def told(*campaigns: tuple[str, float, float]) -> Told:
    return Told(tuple(Campaign(name, at(start), at(end)) for name, start, end in campaigns))


@pytest.mark.parametrize(
    ("campaigns", "name", "until"),
    [
        ([], None, None),
        ([("a", 10, 60)], "a", 60),
        ([("a", 10.01, 60)], None, None),
        ([("a", 0, 1)], "a", 1),
        ([("a", -60, 0)], None, None),
        ([("a", -60, 0.01)], "a", 0.01),
        ([("short", -1, 5), ("long", 5, 90), ("later", 11, 200)], "long", 90),
    ],
)
def test_warm_is_from_some_minutes_before_the_start_until_before_the_end(
    campaigns: list[tuple[str, float, float]], name: str | None, until: float | None
) -> None:
    warm = decide(ASKED, told(*campaigns), None, NOON)
    assert (warm["campaign"] if warm else None) == name
    if warm and until:
        assert warm_up.instant(warm["until"]) == at(until).replace(microsecond=0)
        assert warm["extraReplicas"] == 2 and warm["consumers"] == ["analytics", "purchases"]


def test_who_asks_for_none_gets_none() -> None:
    assert decide(None, told(("a", 0, 60)), {"campaign": "a", "until": "2099-01-01T00:00:00Z"}, NOON) is None


def test_what_was_told_last_counts_on_while_cm_api_is_away() -> None:
    known = replace(told(("a", 0, 60), ("b", 70, 80)), failures=99)
    assert [bool(decide(ASKED, known, None, at(minute))) for minute in (0, 59, 60, 65, 79, 80)] == [1, 1, 1, 1, 1, 0]


def test_an_operator_that_was_never_told_keeps_the_last_warm_up_until_its_end() -> None:
    before = decide(ASKED, told(("a", 0, 60)), None, NOON)
    assert decide(ASKED, Told(), before, at(59)) == before
    assert decide(ASKED, Told(), before, at(60)) is None
    assert decide(ASKED, Told(), None, NOON) is None
    more = ASKED | {"extraReplicas": 5}
    assert (decide(more, Told(), before, at(1)) or {})["extraReplicas"] == 5, "the spec of now counts"


def test_begin_and_end_are_news_and_nothing_between() -> None:
    one, two = decide(ASKED, told(("a", 0, 60)), None, NOON), decide(ASKED, told(("b", 0, 90)), None, NOON)
    assert news(None, None) is news(one, one) is news(one, two) is None
    began, ended = news(None, one), news(one, None)
    assert began == (
        "WarmUpStarted",
        "2 pods more at least for analytics, purchases, for campaign 'a' until 2026-11-27T13:00:00Z.",
    )
    assert ended and ended[0] == "WarmUpEnded" and "'a'" in ended[1]


@pytest.mark.parametrize(
    ("least", "most", "partitions", "minimum"),
    [(1, 12, 12, 3), (0, 12, 12, 2), (11, 12, 12, 12), (1, 2, 12, 2), (1, 12, 2, 2), (1, 12, None, 3)],
)
def test_the_scaled_objects_minimum_is_raised_within_its_bounds(
    least: int, most: int, partitions: int | None, minimum: int, consumer: Make
) -> None:
    body = consumer(minReplicas=least, maxReplicas=most, warmUp={"extraReplicas": 2, "until": "2026-11-27T13:00:00Z"})
    spec = scaler.scaled_object(body, 100, partitions, extra(body["spec"], NOON))["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (minimum, min(most, partitions or most))
    later = scaler.scaled_object(body, 100, partitions, extra(body["spec"], at(60)))["spec"]
    assert later["minReplicaCount"] == min(least, later["maxReplicaCount"]), "it cools down by itself"


def test_a_pin_still_wins(consumer: Make) -> None:
    body = consumer(replicas=1, warmUp={"extraReplicas": 2, "until": "2099-01-01T00:00:00Z"})
    made = scaler.scaled_object(body, 100, 12, extra(body["spec"], NOON))
    assert made["metadata"]["annotations"] == {scaler.PAUSED: "1"}


def test_the_reason_names_the_campaign() -> None:
    assert Limits(3, 12, None, 100, " (2 for Black Friday)").lowest == "minReplicas 3 (2 for Black Friday)"


def test_a_shop_tells_only_the_consumers_that_are_named(shop: Make) -> None:
    body = shop(consumers=[{"domain": "purchases"}, {"domain": "catalog"}], campaignWarmUp=ASKED)
    warm = decide(ASKED, told(("a", 0, 60)), None, NOON)
    hot, cold = shop_consumers.consumers(body, warm)
    assert hot["spec"]["warmUp"] == {"campaign": "a", "extraReplicas": 2, "until": "2026-11-27T13:00:00Z"}
    assert "warmUp" not in cold["spec"] and shop_consumers.consumers(body, None) == shop_consumers.consumers(body)


def test_the_operator_is_let_in_to_cm_api(shop: Make) -> None:
    def doors(body: Manifest) -> str:
        return str(
            next(p for p in policies.policies(body) if p["metadata"]["name"] == "shop-cm-api")["spec"]["ingress"]
        )

    assert "shop-operator" in doors(shop())


class Api:
    """cm-api's lists of campaigns, in pages of two."""

    def __init__(self) -> None:
        self.lists: dict[str, list[tuple[str, float, float]]] = {"live": [], "upcoming": []}
        self.status, self.asked, self.token = 200, 0, ""

    def answer(self, target: str, token: str) -> tuple[int, bytes]:
        url = urlsplit(target)
        self.asked, self.token = self.asked + 1, token
        items = self.lists[url.path.rpartition("/")[2]]
        start = int(parse_qs(url.query).get("cursor", ["0"])[0])
        page = [
            answers.Campaign(name, name, format_instant(at(begin)), format_instant(at(end)))
            for name, begin, end in items[start : start + 2]
        ]
        cursor = str(start + 2) if len(items) > start + 2 else None
        return self.status, msgspec.json.encode(answers.LiveCampaigns(page, cursor))


@pytest.fixture
def api() -> Iterator[tuple[Api, str]]:
    made = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made, f"http://127.0.0.1:{server.server_address[1]}/{{shop}}-{{namespace}}"
        server.shutdown()
        thread.join()


def test_all_live_ones_and_those_that_start_soon_are_asked_for(api: tuple[Api, str]) -> None:
    said, address = api
    said.lists["live"] = [(f"live{n}", -1, 5) for n in range(5)]
    said.lists["upcoming"] = [(f"soon{n}", n, 99) for n in range(30)]
    found = CampaignsApi(address).near("ns", "shop", at(10), "")
    assert [each.name for each in found[:5]] == [f"live{n}" for n in range(5)]
    assert found[5:][-1].start > at(10) and said.asked == 3 + 6, "no page more than is needed"
    assert found[0] == Campaign("live0", at(-1), at(5))


def test_the_token_is_read_at_each_question(api: tuple[Api, str], shop: Make) -> None:
    said, address = api
    held: dict[str, str] = {}

    class Shops:
        def get(self, kind: str, *_: str) -> Manifest | None:
            if kind == "Secret":
                return {"data": {"token": base64.b64encode(held["token"].encode()).decode()}} if held else None
            return shop(campaignWarmUp=ASKED, serviceTokenSecretRef={"name": "tokens"})

    campaigns = Campaigns(cast(Cluster, Shops()), CampaignsApi(address), timedelta(minutes=1))
    campaigns.ask("ns", "shop")
    assert "Secret tokens" in campaigns.latest("ns", "shop").trouble and said.asked == 0
    for text, sent in (("one\n", "Bearer one"), ("two\none\n", "Bearer two")):
        held["token"] = text
        campaigns.ask("ns", "shop")
        assert said.token == sent and campaigns.latest("ns", "shop").campaigns == ()


def test_an_api_that_is_away_is_told_once_and_its_last_word_is_kept(api: tuple[Api, str], shop: Make) -> None:
    said, address = api
    said.lists["live"] = [("a", -1, 60)]

    class Shops:
        def get(self, *_: str) -> Manifest:
            return shop(campaignWarmUp=ASKED)

    campaigns = Campaigns(cast(Cluster, Shops()), CampaignsApi(address), timedelta(minutes=1))
    assert campaigns.latest("ns", "shop") == Told()
    assert campaigns.ask("ns", "shop")
    known = campaigns.latest("ns", "shop").campaigns
    said.status = 503
    seen = []
    for _ in range(4):
        campaigns.ask("ns", "shop")
        seen.append(unseen(ASKED, campaigns.latest("ns", "shop"))[0])
    assert seen == [False, False, True, True]
    assert campaigns.latest("ns", "shop").campaigns == known
    assert "answered 503" in unseen(ASKED, campaigns.latest("ns", "shop"))[2]
    said.status = 200
    campaigns.ask("ns", "shop")
    assert not unseen(ASKED, campaigns.latest("ns", "shop"))[0] and not unseen(None, campaigns.latest("ns", "shop"))[0]


def test_an_operator_that_has_just_begun_says_what_was_said_before() -> None:
    before = [
        {"type": "Ready", "status": "True"},
        {"type": UNSEEN, "status": "True", "reason": "ApiAway", "message": "m"},
    ]
    assert unseen(ASKED, Told(failures=2), before) == (True, "ApiAway", "m")
    assert not unseen(ASKED, Told(), before[:1])[0]
    assert not unseen(ASKED, told(), before)[0], "told again"


@pytest.mark.parametrize("answer", ["[]", '{"campaigns": [{}], "next": null}', "{}", "nonsense"])
def test_what_is_no_list_of_campaigns_is_refused(api: tuple[Api, str], answer: str) -> None:
    said, address = api
    said.answer = lambda target, token: (200, answer.encode())  # type: ignore[method-assign]
    with pytest.raises(ApiAway):
        CampaignsApi(address).near("ns", "shop", NOON, "")


@pytest.mark.parametrize("address", ["cm-api:8081", "http://{pod}", "http://{"])
def test_an_address_that_cannot_work_is_refused_at_start(address: str) -> None:
    with pytest.raises(ConfigError, match="OPERATOR_CM_API_URL"):
        load({"OPERATOR_CM_API_URL": address})
