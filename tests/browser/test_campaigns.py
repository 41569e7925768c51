"""The page of campaigns and analytics: what is live with its countdown, the charts with their table, by itself."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Route, expect

from shop_core.events.analytics import to_milliseconds

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform


def send(platform: Platform, path: str, body: object = None, method: str = "POST") -> str:
    payload = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    with urlopen(Request(platform.base_url + path, payload, headers, method=method), timeout=15) as answer:
        return str(answer.headers["X-Id"])


def plan(platform: Platform, start: float, end: float) -> tuple[str, str, dict[str, str]]:
    """A campaign from `start` to `end` seconds from now: id and name."""
    name = f"Sale {uuid.uuid4().hex[:8]}"
    now = datetime.now(UTC)
    moments = {"startDate": now + timedelta(seconds=start), "endDate": now + timedelta(seconds=end)}
    dates = {field: moment.isoformat() for field, moment in moments.items()}
    return send(platform, "/campaign-events/", {"name": name, **dates}), name, dates


@pytest.fixture(autouse=True)
def tidy(platform: Platform) -> Iterator[None]:
    """No campaign of another test is live or upcoming."""
    yield
    for doc in platform.db["campaigns"].find({}):
        send(platform, f"/campaign-events/{doc['_id']}", method="DELETE")


def row(shop: Shop, name: str) -> Locator:
    return shop.page.locator("#live > li").filter(has_text=name)


def test_live_campaigns_count_down_with_their_events(shop: Shop, platform: Platform) -> None:
    id, name, dates = plan(platform, -60, 3 * 3600)
    send(platform, "/events/", {"name": "Opening", "campaignEventId": id, **dates})
    shop.open("/campaigns")
    left = row(shop, name).locator(".left").first
    expect(left).to_contain_text("02:59:")
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    expect(row(shop, name).locator(".inside li")).to_contain_text("Opening")
    expect(shop.page.get_by_role("link", name="Campaigns")).to_have_attribute("aria-current", "page")


def test_a_campaign_appears_and_goes_without_a_reload(shop: Shop, platform: Platform) -> None:
    shop.open("/campaigns")
    expect(shop.page.get_by_text("No campaign is live.")).to_be_visible()
    _, name, _ = plan(platform, 6, 12)
    upcoming = shop.page.locator("#next-list").filter(has_text=name)
    expect(upcoming).to_be_visible()
    expect(row(shop, name)).to_be_visible()
    began = time.monotonic()
    expect(shop.page.get_by_role("status")).to_contain_text(f"{name} is live.")
    expect(row(shop, name)).to_have_count(0)
    assert time.monotonic() - began > 3, "it was there for its six seconds"
    expect(shop.page.get_by_role("status")).to_contain_text(f"{name} is over.")


def test_the_chart_and_its_table_follow_the_visitors(shop: Shop, platform: Platform) -> None:
    shop.open("/campaigns")
    expect(shop.page.locator(".chart")).to_have_count(3)
    expect(shop.page.locator(".chart.clicks rect")).to_have_count(48)
    expect(shop.page.get_by_role("table", name="Clicks, impressions and unique users")).to_have_count(1)
    current = shop.page.locator("#hours tr").first
    clicks = int(current.locator("td").nth(1).inner_text().replace(",", ""))
    for _ in range(3):
        send(platform, f"/analytics?user={uuid.uuid4().hex}&click&timestamp={to_milliseconds(datetime.now(UTC))}")
    expect(current.locator("td").nth(1)).to_have_text(f"{clicks + 3:,}")
    expect(shop.page.locator("#reading")).to_contain_text(f"{clicks + 3:,} clicks")
    shop.press("Show as a table")
    expect(shop.page.locator("#hours-table")).to_be_visible()
    expect(shop.page.locator("#hours tr")).to_have_count(48)
    shop.page.locator(".chart.clicks svg").hover(position={"x": 2, "y": 50})
    first = shop.page.locator("#hours tr").last.locator("th").inner_text()
    expect(shop.page.locator("#reading b")).to_have_text(first)


def test_trouble_is_told_and_passes_by_itself(shop: Shop) -> None:
    shop.open("/campaigns")

    def away(route: Route) -> None:
        route.fulfill(status=503, content_type="application/problem+json", body='{"detail": "cm-api is away"}')

    shop.page.route("**/analytics/series*", away)
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("cm-api is away")
    shop.page.unroute("**/analytics/series*")
    expect(alert).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_charts_can_be_told_from_the_ground(shop: Shop, scheme: Scheme) -> None:
    """3:1 of each series against the card, which is what graphics need (WCAG 1.4.11)."""
    shop.page.emulate_media(color_scheme=scheme)
    shop.open("/campaigns")

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    style = "(node, name) => getComputedStyle(node)[name]"
    card = luminance(shop.page.locator(".card").first.evaluate(style, "backgroundColor"))
    for series in ("impressions", "clicks", "uniqueUsers"):
        ink = luminance(shop.page.locator(f".chart.{series} svg").evaluate(style, "fill"))
        assert (max(ink, card) + 0.05) / (min(ink, card) + 0.05) >= 3, series


def local(seconds: float) -> str:
    """A moment so far from now, as the browser's zone enters it."""
    return (datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M")


def enter(shop: Shop, **values: str) -> None:
    for label, value in values.items():
        shop.page.get_by_label(label, exact=True).fill(value)
    shop.press("Plan campaign")


def test_a_campaign_is_planned_and_what_becomes_of_it_is_shown_in_place(shop: Shop) -> None:
    name = f"Sale {uuid.uuid4().hex[:8]}"
    shop.open("/campaigns")
    enter(shop, Name=name, Starts=local(3600), Ends=local(7200))
    life = shop.page.locator("#planned > li")
    expect(life).to_contain_text(name)
    expect(life).to_have_attribute("data-state", "stored")
    expect(shop.page.get_by_role("status")).to_contain_text(f"{name} is planned.")
    expect(shop.page.locator("#next-list")).to_contain_text(name)
    expect(shop.page.get_by_label("Name", exact=True)).to_have_value("")


def test_what_is_missing_or_wrong_is_said_at_its_field(shop: Shop) -> None:
    shop.open("/campaigns")
    enter(shop)
    for field, said in (("name", "Enter a name."), ("startDate", "Choose when it starts."), ("endDate", "Choose when")):
        expect(shop.page.locator(f"#{field}-error")).to_contain_text(said)
    expect(shop.page.get_by_label("Name", exact=True)).to_be_focused()
    assert not [request for request in shop.requests if request.method == "POST"]
    enter(shop, Name="Backwards", Starts=local(7200), Ends=local(3600))
    expect(shop.page.locator("#endDate-error")).to_contain_text("start")
    expect(shop.page.get_by_label("Ends", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(shop.page.locator("#name-error")).to_be_hidden()
    expect(shop.page.locator("#planned > li")).to_have_count(0)


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ({"state": "rejected", "reason": "a made-up reason"}, "rejected", "A made-up reason."),
        (None, "unknown", "It is accepted."),
    ],
)
def test_a_refusal_and_a_lost_connection_are_told_in_place(
    shop: Shop, answer: dict[str, str] | None, state: str, said: str
) -> None:
    def tell(route: Route) -> None:
        route.abort() if answer is None else route.fulfill(json={"receipt": "x", **answer})

    shop.page.route("**/v1/receipts/**", tell)
    shop.open("/campaigns")
    enter(shop, Name="Doubtful", Starts=local(3600), Ends=local(7200))
    life = shop.page.locator("#planned > li")
    expect(life).to_have_attribute("data-state", state)
    expect(life).to_contain_text(said)


def test_after_an_answer_without_the_log_the_same_form_is_sent_under_its_key(shop: Shop) -> None:
    keys: list[str] = []

    def fail_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(status=503, json={"status": 503, "detail": "Kafka does not answer."})
        else:
            route.continue_()

    shop.page.route("**/campaign-events/", fail_first)
    shop.open("/campaigns")
    enter(shop, Name="Twice", Starts=local(3600), Ends=local(7200))
    expect(shop.page.locator("#plan-alert")).to_contain_text("Kafka does not answer.")
    shop.page.get_by_role("button", name="Try again").click()
    expect(shop.page.locator("#planned > li[data-state=stored]")).to_contain_text("Twice")
    assert len(keys) == 2 and keys[0] == keys[1]
