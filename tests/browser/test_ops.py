"""The page of operators: what it shows is what cm-ops says, and what it can't know it does not call well."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

TEXTS = [
    "h1", ".intro p", ".health span", "h2", "h3", ".parts li", ".parts span", ".stage b", ".stage span", ".rate",
    ".line", ".line b", ".facts dt", ".facts dd", ".domain-head p", ".why", "figcaption", "th", "td",
]  # fmt: skip
TERMS = ("stored", "duplicate", "rejected", "waiting", "gone", "skipped", "moved", "difference")
READY = {"ready": True, "dependencies": {name: {"ok": True, "detail": "answers"} for name in ("kafka", "cm-api")}}


def balance(**numbers: int) -> dict[str, int]:
    return {"accepted": sum(numbers.values()), **dict.fromkeys(TERMS, 0), **numbers}


def domain(name: str, state: str, members: int, lag: list[int], **numbers: int) -> dict[str, Any]:
    readers = [f"10.0.0.{number} a{number}" for number in range(members)]
    partitions = [
        {
            "partition": number, "position": 1000, "end": 1000 + waiting, "waiting": waiting,
            "member": readers[number % members] if members else None, "hot": waiting > 500,
            "unreadable": "an unknown codec" if state == "stuck" and number == 1 else None,
        }
        for number, waiting in enumerate(lag)
    ]  # fmt: skip
    line = balance(waiting=sum(lag), **numbers)
    rates = {"accepted": 910.0, "applied": 620.5, "drainSeconds": None if state != "busy" else 90.0}
    return {
        "name": name, "topic": f"shop.{name}", "group": f"cm-api-{name}", "state": state, "members": readers,
        "balance": line, "rates": rates, "partitions": partitions,
    }  # fmt: skip


def snapshot(*domains: dict[str, Any]) -> dict[str, Any]:
    names = ("accepted", *TERMS)
    line = {name: sum(each["balance"][name] for each in domains) for name in names}
    return {"asOf": "2027-01-01T12:00:00Z", "balance": line, "domains": list(domains)}


TROUBLE = snapshot(
    domain("purchases", "growing", 2, [1000, 20, 30], stored=72_240, rejected=1),
    domain("catalog", "stuck", 1, [0, 3, 0], stored=411),
    domain("campaigns", "stopped", 0, [7, 0, 0], stored=12, gone=2),
    domain("analytics", "busy", 3, [40, 40, 40], stored=1_203_441),
)
PAST = {
    "stepSeconds": 5,
    "domains": {
        "purchases": [
            {"at": f"2027-01-01T11:{59 if n > 11 else 58}:{n * 5 % 60:02}Z", "accepted": n * 50, "applied": n * 40,
             "waiting": n * 10}
            for n in range(20)
        ]
    },
}  # fmt: skip


def answers(body: Any) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json=body)


def pretend(shop: Shop, said: dict[str, Any]) -> None:
    """Let the page be told this, whatever the platform does."""
    shop.page.route("**/v1/ops/snapshot", answers(said))
    shop.page.route("**/v1/ops/history", answers(PAST))
    shop.page.route("**/readyz", answers(READY))


def refuse(shop: Shop, status: int, detail: str) -> None:
    body = json.dumps({"title": "x", "status": status, "detail": detail})
    shop.page.route(
        "**/v1/ops/*", lambda route: route.fulfill(status=status, content_type="application/problem+json", body=body)
    )


def test_what_the_platform_does_is_there_to_the_event(shop: Shop, platform: Platform) -> None:
    def line() -> dict[str, int]:
        with urlopen(f"{platform.base_url}/v1/ops/snapshot", timeout=15) as answer:
            return dict(json.load(answer)["balance"])

    shop.open("/ops")
    expect(shop.page.get_by_role("link", name="Operations")).to_have_attribute("aria-current", "page")
    expect(shop.page.locator(".domains > li")).to_have_count(4)
    expect(shop.page.locator("#line")).to_contain_text("accepted")
    name = f"ops-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"username": name, "userid": name, "price": "1"}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    for _ in range(3):
        urlopen(Request(f"{platform.base_url}/v1/purchases", body, headers), timeout=15).close()
    expect(shop.page.locator("#line")).to_contain_text(f"accepted {line()['accepted']:,}")
    expect(shop.page.locator("#line")).to_contain_text(f"stored {line()['stored']:,}")
    shop.press("Show as a table")
    expect(shop.page.locator("#partition-rows tr")).to_have_count(48)


def test_each_kind_of_trouble_is_told_in_words(shop: Shop) -> None:
    pretend(shop, TROUBLE)
    shop.open("/ops")
    health = shop.page.locator("#health")
    expect(health).to_have_text(
        "purchases: lag grows · catalog: stands still · campaigns: nobody reads · analytics: catching up"
    )
    for text in (
        "Partition 0 is hot",
        "Partition 1 can't be read on: an unknown codec.",
        "2 left the log before they were read.",
        "Events wait, and no consumer is in the group.",
    ):  # fmt: skip
        expect(shop.page.get_by_text(text)).to_be_visible()
    rejected = shop.page.get_by_role("link", name="Dead letters of purchases")
    expect(rejected).to_have_attribute("href", re.compile(r"/ops/dead-letters\?domain=purchases$"))
    expect(shop.page.locator("#line")).not_to_contain_text("Nothing is lost")
    expect(shop.page.locator("rect.hot")).to_have_count(1)
    lost = snapshot(domain("purchases", "calm", 1, [0], stored=8, difference=1))
    pretend(shop, lost)
    expect(health).to_have_text("purchases: does not add up")
    expect(shop.page.get_by_role("status")).to_have_text("purchases: does not add up")


def test_an_outage_keeps_the_last_numbers_and_calls_nothing_well(shop: Shop) -> None:
    pretend(shop, TROUBLE)
    shop.open("/ops")
    expect(shop.page.locator("#shown")).to_be_visible()
    refuse(shop, 503, "Kafka does not answer, so nothing can be told.")
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("Kafka does not answer")
    expect(shop.page.locator(".parts li").filter(has_text="Kafka")).to_have_text("Kafka away")
    expect(shop.page.locator(".parts li").filter(has_text="purchases")).to_have_text("purchases not seen")
    expect(shop.page.locator("#line")).to_contain_text("1,276,104")
    pretend(shop, TROUBLE)
    expect(alert).to_be_hidden()


def test_without_cm_ops_the_page_says_what_to_do(shop: Shop) -> None:
    refuse(shop, 404, "No cm-ops runs beside this shop: CM_OPS_URL names none.")
    shop.open("/ops")
    expect(shop.page.locator("#absent")).to_contain_text("CM_OPS_URL")
    expect(shop.page.locator("#shown")).to_be_hidden()


def test_a_new_shop_is_told_where_to_begin(shop: Shop) -> None:
    pretend(shop, snapshot(domain("purchases", "calm", 1, [0])))
    shop.open("/ops")
    expect(shop.page.get_by_role("link", name="make a purchase")).to_be_visible()
    expect(shop.page.locator("#health")).to_have_text("All is well")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_readable_fits_and_has_names(shop: Shop, scheme: Scheme, width: int) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    shop.page.set_viewport_size({"width": width, "height": 812})
    pretend(shop, TROUBLE)
    shop.open("/ops")
    shop.page.keyboard.press("Tab")
    shop.page.get_by_role("button", name="Show as a table").press("Enter")
    expect(shop.page.locator("#partition-rows tr")).to_have_count(12)
    with shop.page.expect_request("**/v1/ops/snapshot"):
        shop.page.route("**/v1/ops/*", lambda route: None)  # no answer: the page stands still while it is looked at
    assert shop.too_wide() == []
    assert shop.unreadable(TEXTS) == {}
    shop.check_names()
