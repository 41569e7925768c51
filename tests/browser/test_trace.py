"""One event followed on the page: by receipt, id and request; and told when it can't be."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

PAGE = "/ops/trace"
ASKED = re.compile(r"/v1/ops/trace\?")
TEXTS = [
    "h1", ".intro p", "label", ".hint", "button", ".traced h2", ".traced-head span", ".reason", ".facts dt",
    ".facts dd", ".way-name", ".way-after", ".way-about", "#more",
]  # fmt: skip
EVENT: dict[str, Any] = {
    "receipt": "shop.purchases-7-1024", "domain": "purchases", "state": "rejected", "type": "shop.purchase.made.v1",
    "id": "0197-a", "requestId": "asked-1", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "reason": "price: is below 0", "redrivenOf": None, "successor": None,
    "steps": [
        {"name": "accepted", "at": "2027-01-01T12:00:00.000Z", "about": "at the door, by cm-server"},
        {"name": "logged", "at": "2027-01-01T12:00:00.004Z", "about": "partition 7, offset 1024 of shop.purchases"},
        {"name": "rejected", "at": "2027-01-01T12:00:03Z", "about": "by cm-api-purchases"},
        {"name": "dead letter", "at": None, "about": "in shop.purchases.dlq"},
    ],
}  # fmt: skip
LOOKED = {"events": 20_000, "since": "2027-01-01T09:00:00Z", "whole": False, "unread": []}


def pretend(shop: Shop, body: Any, status: int = 200) -> None:
    kind = "application/json" if status == 200 else "application/problem+json"
    shop.page.unroute(ASKED)
    shop.page.route(ASKED, lambda route: route.fulfill(status=status, content_type=kind, body=json.dumps(body)))


def follow(shop: Shop, of: str) -> None:
    shop.page.get_by_label("Receipt, event id or X-Request-Id").fill(of)
    shop.press("Follow")


def test_a_purchase_is_followed_by_whatever_its_answer_said(shop: Shop, platform: Platform) -> None:
    asked = f"asked-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"username": "Ada", "userid": asked, "price": "5"})
    bought = platform.request("POST", "/buy", body=body, headers={"X-Request-Id": asked, "Prefer": "wait=10"}).json()
    shop.open(PAGE)
    for of in (bought["receipt"], bought["id"], asked):
        follow(shop, of)
        card = shop.page.get_by_role("region", name=bought["receipt"])
        expect(card.locator(".traced-head")).to_contain_text("stored")
        expect(card.locator(".way-name")).to_have_text(["accepted", "logged", "stored"])
        expect(card.locator(".facts")).to_contain_text(asked)
        assert f"of={of}" in shop.page.url
    shop.page.reload()
    expect(shop.page.locator(".traced")).to_have_count(1)


def test_a_refused_event_leads_to_its_dead_letter(shop: Shop) -> None:
    pretend(shop, {"events": [EVENT], "more": 0, "lookedAt": None})
    shop.open(f"{PAGE}?of={EVENT['receipt']}")
    expect(shop.page.locator(".traced .reason")).to_have_text("price: is below 0")
    expect(shop.page.locator(".way-after")).to_have_text([re.compile("2027"), "+ 4 ms", "+ 3.0 s", ""])
    letter = shop.page.get_by_role("link", name="Open it")
    expect(letter).to_have_attribute("href", re.compile(r"/ops/dead-letters#letter/shop\.purchases-7-1024$"))


def test_what_is_not_found_says_how_far_was_looked(shop: Shop) -> None:
    pretend(shop, {"events": [], "more": 0, "lookedAt": LOOKED})
    shop.open(PAGE)
    expect(shop.page.locator("#none")).to_be_hidden()
    shop.press("Follow")
    expect(shop.page.locator("#of-error")).to_contain_text("Enter what an answer said")
    follow(shop, "nobody-asked")
    expect(shop.page.locator("#none")).to_contain_text("The newest 20,000 events were looked at, back to")
    pretend(shop, {"events": [EVENT], "more": 3, "lookedAt": LOOKED | {"whole": True, "unread": ["shop.catalog-1"]}})
    follow(shop, "somebody")
    expect(shop.page.locator("#none")).to_be_hidden()
    expect(shop.page.locator("#more")).to_contain_text("3 more are not shown. Every event in the log")
    expect(shop.page.locator("#more")).to_contain_text("shop.catalog-1 could not be read")


def test_what_can_t_be_asked_is_told_where_it_stands(shop: Shop) -> None:
    shop.open(PAGE)
    follow(shop, "shop.purchases-7-999999999")
    expect(shop.page.locator("#of-error")).to_contain_text("is not there: the log of shop.purchases-7 ends")
    follow(shop, "shop.nothing-1-2")
    expect(shop.page.locator("#of-error")).to_contain_text("must look like shop.purchases-3-1024")
    alert = shop.page.get_by_role("alert")
    pretend(shop, {"title": "x", "status": 403, "detail": "The scope is missing."}, 403)
    follow(shop, "a")
    expect(alert).to_contain_text("needs the scope ops:read")
    pretend(shop, {"title": "x", "status": 503, "detail": "Kafka does not answer."}, 503)
    follow(shop, "a")
    expect(alert).to_contain_text("Kafka does not answer.")
    pretend(shop, {"events": [EVENT], "more": 0, "lookedAt": None})
    shop.press("Try again")
    expect(shop.page.locator(".traced")).to_have_count(1)
    expect(alert).to_be_hidden()
    pretend(shop, {"title": "x", "status": 404, "detail": "No cm-ops runs beside this shop."}, 404)
    follow(shop, "a")
    expect(shop.page.locator("#absent")).to_contain_text("CM_OPS_URL")
    expect(shop.page.locator(".traced")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_fits_and_has_names(shop: Shop, scheme: Scheme) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    stored = EVENT | {
        "receipt": "shop.purchases-7-1025",
        "state": "stored",
        "reason": None,
        "steps": EVENT["steps"][:2],
    }
    pretend(shop, {"events": [EVENT, stored], "more": 0, "lookedAt": LOOKED})
    shop.open(f"{PAGE}?of=somebody")
    expect(shop.page.locator(".traced")).to_have_count(2)
    for width in (1280, 320):
        shop.page.set_viewport_size({"width": width, "height": 812})
        assert shop.unreadable(TEXTS) == {}
        assert shop.too_wide() == []
    shop.check_names()
    assert shop.foreign() == []
