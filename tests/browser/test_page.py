"""The page itself: both of its addresses, its headers, its looks in both palettes and on a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

# Every kind of text the page has, states that need an error or a purchase included.
TEXTS = [
    "h1",
    ".intro p",
    "h2",
    "label",
    ".hint",
    ".optional",
    "input",
    "#buy",
    "#look-up",
    "nav a",
    ".error:not([hidden])",
    ".alert-title",
    ".alert p",
    ".life-note",
    ".steps li",
    "th",
    "td",
    ".clock",
    "#shown",
]


def _in_use(shop: Shop) -> None:
    """The page with a stored purchase, a rejected one, an error at a field and a general error on it."""
    answers = iter(["rejected", "stored"])
    shop.page.route(
        "**/v1/receipts/**",
        lambda route: route.fulfill(json={"receipt": "x", "state": next(answers), "reason": "a made-up reason"}),
    )
    shop.open()
    for price, state in (("1.00", "rejected"), ("999999999.99", "stored")):
        shop.buy("a-rather-long-name@of.an-example.customer", "u-123456789-123456789-123456789", price)
        expect(shop.page.locator(f".life[data-state={state}]")).to_have_count(1)
    purchase = {
        "_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "username": "a-rather-long-name@of.an-example.customer",
        "userid": "u-123456789-123456789-123456789-123456789",
        "price": "999999999.99",
        "timestamp": "2024-03-01T00:00:00Z",
    }
    listed = {"username": purchase["username"], "purchases": [purchase], "next": None}
    shop.page.route("**/getAllUserBuys/**", lambda route: route.fulfill(json=listed))
    shop.press("Show purchases")
    expect(shop.page.get_by_role("table")).to_be_visible()
    shop.page.route("**/v1/purchases", lambda route: route.abort("connectionrefused"))
    shop.fill(price="1")
    shop.press("Buy")
    expect(shop.page.get_by_role("alert")).to_be_visible()
    # A look-up leaves the general error of the purchase where it is.
    shop.look_up("..")
    expect(shop.page.locator("#whose-error")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375, 320])
def test_text_is_readable_and_nothing_is_wider_than_the_screen(shop: Shop, scheme: Scheme, width: int) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    shop.page.set_viewport_size({"width": width, "height": 812})
    _in_use(shop)
    assert shop.too_wide() == []
    assert shop.unreadable(TEXTS) == {}
    page = shop.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", page)[:3])) / 3
    assert brightness > 200 if scheme == "light" else brightness < 50


@pytest.mark.parametrize("path", ["", "/", "?from=a-link", "/?from=a-link"])
def test_it_works_with_and_without_a_trailing_slash(shop: Shop, path: str) -> None:
    shop.open(path)
    shop.press("Buy")
    expect(shop.page.locator("#username-error")).to_have_text("Enter a username.")
    assert shop.page.evaluate("document.styleSheets[0].cssRules.length") > 50
    link = shop.page.get_by_role("link", name="API reference")
    assert link.evaluate("node => node.href").startswith(shop.base_url + "/")


def test_the_browser_has_nothing_to_complain_about(shop: Shop) -> None:
    refused: list[str] = []
    shop.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    shop.open()
    shop.page.wait_for_timeout(300)
    assert refused == []
    assert len(shop.requests) >= 8  # the page, its sheet, its picture and its modules


def test_every_control_has_a_name_and_ids_are_unique(shop: Shop) -> None:
    shop.open()
    shop.check_names()


@pytest.mark.security(25)
@pytest.mark.parametrize("path", ["", "/", "/ui/purchases.js", "/ui/app.css", "/ui/icon.svg"])
def test_files_are_guarded_and_answer_304(platform: Platform, path: str) -> None:
    url = platform.base_url.rstrip("/") + path
    with urlopen(url, timeout=10) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"
    with pytest.raises(HTTPError) as unchanged:
        urlopen(Request(url, headers={"If-None-Match": headers["ETag"]}), timeout=10)
    with unchanged.value as answer:
        assert answer.code == 304


@pytest.mark.parametrize("name", ["none.js", "__init__.py", "..%2f__init__.py", "index.html"])
def test_only_the_pages_own_files_are_served(platform: Platform, name: str) -> None:
    with pytest.raises(HTTPError) as missing:
        urlopen(f"{platform.base_url.rstrip('/')}/ui/{name}", timeout=10)
    with missing.value as answer:
        assert answer.code == 404
