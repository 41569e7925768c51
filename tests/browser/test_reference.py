"""The API reference: a first call from the page alone, a search, and addresses that open what they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Shop

pytestmark = pytest.mark.slow
TEXTS = (".lead", "details[open] summary span", "details[open] thead th", ".contents div:last-child p a", "main p a")


def test_a_purchase_is_made_from_the_page_alone(shop: Shop) -> None:
    page = shop.page
    page.goto(f"{shop.base_url}/docs")
    page.get_by_label("Search").fill("buy something")
    expect(page.locator("#found")).to_contain_text("of")
    expect(page.locator("#buy")).to_be_visible()
    expect(page.locator("#listProducts")).to_be_hidden()
    page.get_by_role("link", name="buy", exact=True).click()
    operation = page.locator("#buy")
    expect(operation).to_have_attribute("open", "")
    operation.get_by_label("Prefer").fill("wait=10")
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator("output")).to_contain_text("200")
    expect(operation.locator("output")).to_contain_text('"state": "stored"')
    expect(page.locator("#reference > pre").first).to_contain_text(shop.base_url)


def test_a_fault_is_shown_as_it_came_and_a_flag_has_no_value(shop: Shop) -> None:
    page = shop.page
    page.goto(f"{shop.base_url}/docs#recordInteraction")
    operation = page.locator("#recordInteraction")
    operation.get_by_label("click", exact=True).uncheck()
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator("output")).to_contain_text("400")
    operation.get_by_label("click", exact=True).check()
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator("output")).to_contain_text("204")
    expect(operation.locator("output")).to_contain_text("&click")


@pytest.mark.parametrize("path", ["docs#createProduct", "docs/events#shop.purchase.made.v1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_on_a_phone_in_both_themes(shop: Shop, path: str, scheme: str) -> None:
    page = shop.page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{shop.base_url}/{path}")
    opened = page.locator(f'[id="{path.partition("#")[2]}"]')
    expect(opened).to_have_attribute("open", "")
    expect(opened.locator("pre").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shop.unreadable(TEXTS) == {}
    shop.check_names()
