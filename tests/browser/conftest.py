"""A system Chromium that talks to this host only, and a page that reports every complaint of the browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

if TYPE_CHECKING:
    from tests.conftest import Platform

Scheme = Literal["light", "dark"]

ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The ratio of WCAG 2 between a text and the nearest opaque background behind it.
CONTRAST = """node => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = node;
  const opaque = () => (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 1;
  while (behind.parentElement && !opaque()) behind = behind.parentElement;
  const colours = [getComputedStyle(node).color, getComputedStyle(behind).backgroundColor];
  const pair = colours.map(parse).map(light);
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
}"""
TOO_WIDE = """nodes => nodes.filter(n => n.getBoundingClientRect().right > innerWidth).map(n => n.outerHTML)"""
UNNAMED = """nodes => nodes.filter(n => !(n.labels?.length || n.textContent.trim())).map(n => n.outerHTML)"""
DESCRIBED = """nodes => nodes.flatMap(n => n.getAttribute('aria-describedby').split(' '))"""
expect.set_options(timeout=15_000)


@dataclass
class Shop:
    """The page under test, with what the browser said and asked for while it was open."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def open(self, path: str = "") -> None:
        self.page.goto(self.base_url + path, wait_until="networkidle")

    def fill(self, **values: str) -> None:
        labels = {"username": "Username", "userid": "User ID", "price": "Price", "timestamp": "Timestamp"}
        for name, value in values.items():
            self.page.get_by_label(labels[name]).fill(value)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def buy(self, username: str, userid: str, price: str) -> None:
        self.fill(username=username, userid=userid, price=price)
        self.press("Buy")

    def look_up(self, username: str) -> None:
        self.page.get_by_label("Whose purchases").fill(username)
        self.press("Show purchases")

    def unreadable(self, texts: Iterable[str]) -> dict[str, float]:
        """Of what the selectors find visible, where the contrast is below 4.5."""
        ratios = {
            text: [node.evaluate(CONTRAST) for node in self.page.locator(f"{text}:visible").all()] for text in texts
        }
        return {text: min(found) for text, found in ratios.items() if min(found) < 4.5}

    def too_wide(self) -> list[str]:
        """What does not fit into the window."""
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        return list(self.page.locator("main *:visible").evaluate_all(TOO_WIDE))

    def check_names(self) -> None:
        """Every control has a name, every id is unique, and every description is there."""
        assert self.page.locator("input, select, textarea, button, a").evaluate_all(UNNAMED) == []
        ids = self.page.locator("[id]").evaluate_all("nodes => nodes.map(n => n.id)")
        assert len(ids) == len(set(ids))
        assert set(self.page.locator("[aria-describedby]").evaluate_all(DESCRIBED)) <= set(ids)

    def foreign(self) -> list[str]:
        home = urlsplit(self.base_url).netloc
        return [request.url for request in self.requests if urlsplit(request.url).netloc != home]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def shop(browser: Browser, platform: Platform) -> Iterator[Shop]:
    context = browser.new_context(timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 900})
    shop = Shop(context.new_page(), platform.base_url.rstrip("/"))
    shop.page.on("console", lambda message: _note(shop, message.type, message.text))
    shop.page.on("pageerror", lambda error: shop.complaints.append(str(error)))
    shop.page.on("request", lambda request: shop.requests.append(request))
    yield shop
    context.close()
    assert shop.complaints == []
    assert shop.foreign() == []


@pytest.fixture(scope="session")
def make(platform: Platform) -> Callable[..., str]:
    """Puts a product into the catalog, and waits until it is there: its id."""

    def make(name: str, price: str = "39.90", **more: object) -> str:
        answer = platform.request(
            "POST", "/v1/products", json={"name": name, "price": price, **more}, headers={"Prefer": "wait=10"}
        )
        assert answer.status == 201, answer.data
        return str(answer.json()["id"])

    return make


def _note(shop: Shop, kind: str, text: str) -> None:
    # Chromium itself logs every 4xx and 5xx answer; tests that provoke one see what the page makes of it.
    if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
        shop.complaints.append(text)
