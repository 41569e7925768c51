"""Looking up what a user bought: pages, the empty state, names that need escaping, and trouble on the way."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import msgspec
import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Shop
    from tests.conftest import Platform

COUNT = 120


@pytest.fixture(scope="module")
def regular(platform: Platform) -> str:
    """A user with more purchases than two pages hold: prices 1.00 to 120.00, one a minute."""
    name = f"regular-{uuid.uuid4().hex[:12]}"
    lines = [
        {
            "username": name,
            "userid": "u-7",
            "price": f"{n}.00",
            "timestamp": f"2024-03-01T{n // 60:02}:{n % 60:02}:00Z",
        }
        for n in range(1, COUNT + 1)
    ]
    request = Request(
        platform.base_url.rstrip("/") + "/v1/purchases:batch",
        msgspec.json.encode(lines),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:
        last = msgspec.json.decode(answer.read())["results"][-1]["receipt"]
    with urlopen(f"{platform.base_url.rstrip('/')}/v1/receipts/{last}?wait=10", timeout=15) as answer:
        assert msgspec.json.decode(answer.read())["state"] == "stored"
    return name


def test_every_purchase_is_reached_by_paging_newest_first(shop: Shop, regular: str) -> None:
    shop.open()
    shop.look_up(regular)
    shown = shop.page.locator("#shown")
    expect(shown).to_have_text("50 shown, older ones follow")
    more = shop.page.get_by_role("button", name="Load more")
    more.focus()
    shop.page.keyboard.press("Enter")
    expect(shown).to_have_text("100 shown, older ones follow")
    expect(more).to_be_focused()
    shop.page.keyboard.press("Enter")
    expect(shown).to_have_text(f"All {COUNT} purchases")
    expect(more).to_be_hidden()
    expect(shown).to_be_focused()
    expect(shop.page.get_by_role("status")).to_contain_text(f"All {COUNT} purchases")
    prices = shop.page.locator("#rows td.number").all_text_contents()
    assert prices == [f"{n}.00" for n in range(COUNT, 0, -1)]


def test_pressing_load_more_twice_adds_a_page_once(shop: Shop, regular: str) -> None:
    shop.open()
    shop.look_up(regular)
    expect(shop.page.locator("#rows tr")).to_have_count(50)
    shop.page.get_by_role("button", name="Load more").dblclick()
    expect(shop.page.locator("#shown")).to_have_text("100 shown, older ones follow")
    shop.page.wait_for_load_state("networkidle")
    prices = shop.page.locator("#rows td.number").all_text_contents()
    assert len(prices) == len(set(prices))


def test_a_stranger_has_an_empty_state(shop: Shop) -> None:
    name = f"nobody-{uuid.uuid4().hex[:8]}"
    shop.open()
    shop.look_up(name)
    expect(shop.page.get_by_text(f"No purchases of {name}")).to_be_visible()
    expect(shop.page.get_by_role("table")).to_be_hidden()


@pytest.mark.parametrize("name", ["", "..", "."])
def test_a_name_that_cant_be_asked_for_is_said_at_the_field(shop: Shop, name: str) -> None:
    shop.open()
    shop.look_up(name)
    expect(shop.page.get_by_label("Whose purchases")).to_have_attribute("aria-invalid", "true")
    expect(shop.page.get_by_label("Whose purchases")).to_be_focused()


@pytest.mark.parametrize("name", ["Zoë / Ünal & Söhne?#", "<img src=x onerror=alert(1)>", "50%25"])
def test_any_name_is_shown_as_it_is(shop: Shop, name: str) -> None:
    name = f"{name} {uuid.uuid4().hex[:6]}"
    shop.open()
    shop.buy(name, "u/1?", "2.20")
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)
    shop.press("Show purchases")
    expect(shop.page.get_by_role("heading", name=f"Purchases of {name}")).to_be_visible()
    expect(shop.page.get_by_role("row").filter(has_text="2.20")).to_contain_text("u/1?")


def test_a_list_that_fails_can_be_asked_for_again(shop: Shop, regular: str) -> None:
    calls: list[Route] = []

    def fail_first(route: Route) -> None:
        calls.append(route)
        route.abort("connectionrefused") if len(calls) == 1 else route.continue_()

    shop.page.route("**/getAllUserBuys/**", fail_first)
    shop.open()
    shop.look_up(regular)
    expect(shop.page.get_by_role("alert")).to_contain_text("The list could not be read.")
    shop.press("Try again")
    expect(shop.page.locator("#rows tr")).to_have_count(50)
    expect(shop.page.get_by_role("alert")).to_have_count(0)
