"""axe-core finds nothing against accessibility on any page, with things to show and in both themes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

pytestmark = pytest.mark.slow
JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
# What does not depend on the theme is judged once.
LOOKS: dict[Scheme, tuple[int, dict[str, list[str]]]] = {
    "light": (1280, {"resultTypes": ["violations"]}),
    "dark": (
        360,
        {"resultTypes": ["violations"], "runOnly": ["color-contrast", "target-size", "scrollable-region-focusable"]},
    ),
}
# Every page by what it shows once it is there.
PAGES = {
    "?user={user}": "td",
    "catalog": "#products li",
    "catalog#product/{product}": "#reviews li",
    "catalog#basket": "#basket-title",
    "campaigns": "#live li",
    "ops": "main svg",
    "ops/dead-letters": "#letters li",
    "ops/dead-letters#letter/{letter}": "#letter-reason",
    "ops/trace?of={letter}": ".traced",
    "docs": "main details",
    "docs/events": "main details",
    "problems/not-found": "main",
    "there-is-nothing-here": "main",
}


@pytest.fixture(scope="module")
def shown(platform: Platform, make: Callable[..., str]) -> dict[str, str]:
    """Something of everything: what of it stands in addresses."""
    user, product = f"axe-{uuid.uuid4().hex[:8]}", make("Lamp for axe", description="It glows.", tags=["light"])

    def send(path: str, body: Any) -> str:
        answer = platform.request("POST", path, body=json.dumps(body), headers=JSON)
        assert answer.status == 201, answer.data
        return str(answer.json()["id"])

    send("/v1/purchases", {"username": user, "userid": user, "price": "5", "productid": product})
    send(f"/v1/products/{product}/reviews", {"userid": user, "firstName": "Ada", "rating": 4, "text": "Good."})
    begin, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (-3600, 3600))
    campaign = send("/campaign-events/", {"name": "Axe sale", "startDate": begin, "endDate": end})
    send("/events/", {"name": "First hour", "campaignEventId": campaign, "startDate": begin, "endDate": end})
    return {"user": user, "product": product, "letter": refused(platform)}


def refused(platform: Platform) -> str:
    """A purchase that is a dead letter."""
    attributes = {"id": uuid.uuid4().hex, "type": "shop.purchase.made.v1", "source": "/t", "specversion": "1.0"}
    headers = tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())
    publisher = KafkaPublisher(platform.kafka)
    try:
        assert publisher.connected(10)
        [receipt] = publisher.publish([Record("shop.purchases", b"axe", b'{"price":"x"}', headers)])
    finally:
        publisher.close()
    assert platform.request("GET", f"/v1/receipts/{receipt}?wait=10").json()["state"] == "rejected"
    return receipt


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(shop: Shop, shown: dict[str, str], path: str) -> None:
    shop.open(f"/{path.format(**shown)}")
    expect(shop.page.locator(PAGES[path]).first).to_be_visible()
    found = {}
    for scheme, (width, options) in LOOKS.items():
        shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shop.page.set_viewport_size({"width": width, "height": 900})
        for each in Axe().run(shop.page, options=options).response["violations"]:
            found[scheme, each["id"]] = [node["html"][:200] for node in each["nodes"][:5]]
    assert found == {}
