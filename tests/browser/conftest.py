"""A system Chromium that talks to this host only, and a page that reports every complaint of the browser."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

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
expect.set_options(timeout=15_000)


class Platform(Protocol):
    """What these tests need of the running platform (fixture `platform` in tests/conftest.py)."""

    base_url: str


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


def _note(shop: Shop, kind: str, text: str) -> None:
    # Chromium itself logs every 4xx and 5xx answer; tests that provoke one see what the page makes of it.
    if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
        shop.complaints.append(text)
