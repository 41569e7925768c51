"""What is seen before there is an answer, without a connection, and where nothing is; and what the address knows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop

LISTS: dict[str, str | re.Pattern[str]] = {
    "/?user=somebody": "**/getAllUserBuys/**",
    "/catalog": re.compile(r"/v1/products\?"),
    "/campaigns": "**/campaign-events/live*",
}


@pytest.mark.parametrize("path", LISTS)
def test_grey_rows_stand_where_an_answer_is_awaited_and_go_with_it(shop: Shop, path: str) -> None:
    pattern = LISTS[path]
    held: list[Route] = []
    shop.page.route(pattern, lambda route: held.append(route))
    shop.page.goto(shop.base_url + path)
    expect(shop.page.locator(".bones").first).to_be_visible()
    for route in held:
        route.continue_()
    shop.page.unroute(pattern)
    expect(shop.page.locator(".bones")).to_have_count(0)


@pytest.mark.parametrize("path", ["/?user=somebody", "/catalog"])
def test_where_nothing_could_be_read_a_button_asks_again(shop: Shop, path: str) -> None:
    pattern = LISTS[path]
    shop.page.route(pattern, lambda route: route.abort("connectionrefused"))
    shop.open(path)
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("can't be reached")
    expect(alert).not_to_contain_text("may be old")
    shop.page.unroute(pattern)
    shop.press("Try again")
    expect(alert).to_have_count(0)


def test_a_page_that_goes_on_trying_says_that_nothing_can_be_shown_yet(shop: Shop) -> None:
    shop.page.route("**/campaign-events/live*", lambda route: route.abort("connectionrefused"))
    shop.open("/campaigns")
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("Nothing can be shown yet. The page goes on trying.")
    expect(alert.get_by_role("button", name="Try again")).to_be_visible()
    shop.page.unroute("**/campaign-events/live*")
    expect(alert).to_have_count(0)


def test_what_was_shown_before_is_said_to_be_old(shop: Shop) -> None:
    shop.open("/campaigns")
    shop.page.route("**/analytics/series*", lambda route: route.abort("connectionrefused"))
    expect(shop.page.get_by_role("alert")).to_contain_text("What is shown may be old.")


@pytest.mark.parametrize("path", ["/", "/catalog", "/campaigns"])
def test_a_browser_without_a_connection_says_so_until_it_is_back(shop: Shop, path: str) -> None:
    shop.open(path)
    shop.page.context.set_offline(True)
    banner = shop.page.get_by_text("You are offline.")
    expect(banner).to_be_visible()
    shop.page.context.set_offline(False)
    expect(banner).to_be_hidden()


def test_a_link_with_a_user_shows_their_purchases_and_a_reload_as_well(shop: Shop) -> None:
    name = f"Zoë & {uuid.uuid4().hex[:8]}"
    shop.open()
    for price in ("1", "2"):
        shop.buy(name, "u-1", price)
        expect(shop.page.locator(".life[data-state=stored]")).to_have_count(int(price))
    shop.look_up(name)
    expect(shop.page.locator("#rows tr")).to_have_count(2)
    shop.page.get_by_label("Order").select_option("Oldest first")
    expect(shop.page.locator("#rows td.number")).to_have_text(["1.00", "2.00"])
    shop.page.reload()
    expect(shop.page.locator("#rows td.number")).to_have_text(["1.00", "2.00"])
    expect(shop.page.get_by_role("heading", name=f"Purchases of {name}")).to_be_visible()
    expect(shop.page.get_by_label("Whose purchases")).to_have_value(name)


def test_enter_looks_up_where_a_name_is_looked_up(shop: Shop) -> None:
    shop.open()
    shop.page.get_by_label("Whose purchases").fill("nobody-at-all")
    shop.page.keyboard.press("Enter")
    expect(shop.page.locator("#empty-title", has_text="No purchases of nobody-at-all")).to_be_visible()
    expect(shop.page.locator("#username-error")).to_be_hidden()


def test_the_id_of_a_purchase_can_be_copied(shop: Shop) -> None:
    shop.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    name = f"copy-{uuid.uuid4().hex[:8]}"
    shop.open()
    shop.buy(name, "u-1", "3")
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)
    shop.look_up(name)
    button = shop.page.locator("#rows .copy")
    shown = button.inner_text().removeprefix("…")
    button.click()
    expect(shop.page.get_by_role("status")).to_have_text("The purchase's ID is copied.")
    copied = shop.page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(shown) and len(copied) == 36


def test_a_tag_chooses_products_and_stands_in_the_address(shop: Shop, make: Callable[..., str]) -> None:
    tag = f"tag {uuid.uuid4().hex[:8]}"
    for number in "12":
        make(f"Tagged {number}", tags=[tag, "gift"])
    shop.open("/catalog")
    shop.page.get_by_role("button", name=tag).first.click()
    expect(shop.page.locator("#products > li")).to_have_count(2)
    expect(shop.page.get_by_role("heading", name="Products")).to_be_focused()
    shop.page.get_by_label("Order").first.select_option("Name, Z to A")
    shop.page.reload()
    expect(shop.page.locator(".product-name")).to_have_text(["Tagged 2", "Tagged 1"])
    shop.page.locator(".product-name a").first.click()
    shop.page.locator("#product-facts").get_by_role("link", name=tag).click()
    expect(shop.page.locator("#products > li")).to_have_count(2)
    shop.press("Show all")
    expect(shop.page.locator("#tagged")).to_be_hidden()
    assert "tag=" not in shop.page.url


def test_many_campaigns_are_folded_the_one_that_ends_first_on_top(shop: Shop) -> None:
    start = datetime.now(UTC) - timedelta(hours=1)
    live = [
        {
            "id": f"c{number}",
            "name": f"Sale {number}",
            "startDate": start.isoformat(),
            "endDate": (start + timedelta(days=400 * number)).isoformat(),
        }
        for number in range(8, 0, -1)
    ]
    shop.page.route("**/campaign-events/live*", lambda route: route.fulfill(json={"campaigns": live, "next": None}))
    shop.open("/campaigns")
    names = shop.page.locator("#live > li:visible > .name")
    expect(names).to_have_text([f"Sale {number}" for number in range(1, 6)])
    expect(shop.page.locator("#live > li").first).to_contain_text(str((start + timedelta(days=400)).year))
    expect(shop.page.get_by_text("Times are those of Europe/Berlin (GMT+")).to_be_visible()
    more = shop.page.get_by_role("button", name="Show 3 more")
    more.click()
    expect(names).to_have_count(8)
    expect(shop.page.get_by_role("button", name="Show fewer")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("path", ["/catlog", "/problems", "/problems/conflict"])
def test_pages_that_explain_are_readable_and_lead_on(shop: Shop, path: str, scheme: Scheme, width: int) -> None:
    shop.page.emulate_media(color_scheme=scheme)
    shop.page.set_viewport_size({"width": width, "height": 812})
    shop.open(path)
    assert shop.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shop.unreadable(["h1", ".intro p", "main a", "main p"]) == {}
    shop.check_names()
    if path == "/catlog":
        shop.page.get_by_role("link", name="/scalable-shop-cm-server/catalog").click()
        expect(shop.page.get_by_role("heading", level=1)).to_have_text("Catalog")


def test_the_first_tab_skips_the_navigation(shop: Shop) -> None:
    shop.open("/catalog#basket")
    shop.page.keyboard.press("Tab")
    skip = shop.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    shop.page.keyboard.press("Enter")
    shop.page.keyboard.press("Tab")
    assert shop.page.evaluate("document.querySelector('main').contains(document.activeElement)")
    expect(shop.page.get_by_role("heading", level=1)).to_have_text("Basket")


def test_without_script_no_form_is_shown_that_would_do_nothing(shop: Shop) -> None:
    browser = shop.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in ("/", "/catalog", "/campaigns", "/ops/dead-letters", "/ops/trace"):
        page.goto(shop.base_url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
        expect(page.get_by_role("textbox")).to_have_count(0)
    context.close()
