"""Buying on the page: the life of a purchase, errors at their field, and retries that can't buy twice."""

from __future__ import annotations

import json
import re
import signal
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Shop
    from tests.conftest import Platform


def _name() -> str:
    return f"user-{uuid.uuid4().hex[:12]}"


def test_a_purchase_is_seen_accepted_then_stored_and_enters_the_open_list(shop: Shop) -> None:
    name = _name()
    release: list[Route] = []

    def hold(route: Route) -> None:
        # The first question about the receipt is answered "accepted": the state between is always passed.
        release.append(route)
        body = {"receipt": "held", "state": "accepted", "reason": None}
        route.fulfill(json=body) if len(release) == 1 else route.continue_()

    shop.page.route("**/v1/receipts/**", hold)
    shop.open()
    shop.look_up(name)
    expect(shop.page.get_by_text(f"No purchases of {name}", exact=True)).to_be_visible()

    shop.buy(name, "u-1", "1195.30")
    life = shop.page.locator(".life").first
    expect(life).to_contain_text("Accepted")
    expect(life).to_have_attribute("data-state", "stored")
    expect(life).to_contain_text("Stored in")
    expect(shop.page.get_by_role("status")).to_contain_text("1,195.30 stored")
    row = shop.page.get_by_role("row").filter(has_text="1,195.30")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("u-1")
    assert sum(request.is_navigation_request() for request in shop.requests) == 1
    # Emptied, so that another Enter asks for a price instead of buying again.
    expect(shop.page.get_by_label("Price")).to_have_value("")


def test_the_page_hears_of_the_end_and_does_not_ask(shop: Shop, platform: Platform, until: Callable[..., None]) -> None:
    consumers = [name for name in platform.processes() if name.startswith("purchases-consumer")]
    until(lambda: platform.running(*consumers), "the consumers run")
    shop.open()
    for name in consumers:
        platform.signal(name, signal.SIGSTOP)
    try:
        with shop.page.expect_response("**/v1/receipts/**") as heard:
            shop.buy(_name(), "u-1", "5")
        assert heard.value.headers["content-type"].startswith("text/event-stream")
        expect(shop.page.locator(".life[data-state=accepted]")).to_have_count(1)
    finally:
        for name in consumers:
            platform.signal(name, signal.SIGCONT)
    expect(shop.page.locator(".life[data-state=stored]")).to_contain_text("Stored in")
    assert len([request for request in shop.requests if "/v1/receipts/" in request.url]) == 1


@pytest.mark.parametrize("kind", ["cut off", "ended unsettled", "refused"])
def test_where_it_hears_nothing_it_asks(shop: Shop, kind: str) -> None:
    def tell(route: Route) -> None:
        if "event-stream" not in route.request.headers["accept"]:
            route.continue_()
        elif kind == "cut off":
            route.abort()
        elif kind == "refused":
            route.fulfill(status=503, json={"status": 503, "detail": "x"})
        else:
            told = 'id: accepted\ndata: {"receipt":"x","state":"accepted","reason":null,"status":202}\n\n'
            route.fulfill(content_type="text/event-stream", body=f"retry: 2000\n{told}")

    shop.page.route("**/v1/receipts/**", tell)
    shop.open()
    shop.buy(_name(), "u-1", "5")
    expect(shop.page.locator(".life[data-state=stored]")).to_contain_text("Stored in")
    assert any("wait=" in request.url for request in shop.requests)


def test_a_timestamp_is_local_time(shop: Shop) -> None:
    name = _name()
    shop.open()
    shop.fill(timestamp="2024-02-03T10:20:30")
    shop.buy(name, "u-1", "7")
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)
    shop.press("Show purchases")
    expect(shop.page.get_by_role("cell", name="3 Feb 2024 10:20:30")).to_be_visible()
    sent = next(request for request in shop.requests if request.method == "POST")
    assert json.loads(sent.post_data or "")["timestamp"] == "2024-02-03T09:20:30.000Z"


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("Price", {"price": "12.345"}),
        ("Price", {"price": "-1"}),
        ("Price", {"price": "cheap"}),
        ("Timestamp", {"timestamp": "2999-01-01T00:00:00"}),
    ],
)
def test_what_the_server_refuses_is_said_at_the_field(shop: Shop, label: str, values: dict[str, str]) -> None:
    shop.open()
    shop.fill(**{"username": _name(), "userid": "u-1", "price": "5", **values})
    shop.press("Buy")
    field = shop.page.get_by_label(label)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    error = shop.page.locator(f"#{label.lower()}-error")
    expect(error).to_be_visible()
    expect(error).to_have_text(re.compile(r"^[A-Z].{8,}\.$"))
    assert f"{label.lower()}-error" in (field.get_attribute("aria-describedby") or "")
    expect(shop.page.locator("#alert")).to_be_hidden()

    field.fill("2024-01-01T00:00:00" if label == "Timestamp" else "5")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(error).to_be_hidden()
    shop.press("Buy")
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)


def test_empty_fields_are_named_without_asking_the_server(shop: Shop) -> None:
    shop.open()
    shop.press("Buy")
    for name in ("username", "userid", "price"):
        expect(shop.page.locator(f"#{name}-error")).to_be_visible()
    expect(shop.page.get_by_label("Username")).to_be_focused()
    assert all(request.method == "GET" for request in shop.requests)


def test_a_retry_carries_the_same_key_and_buys_once(shop: Shop) -> None:
    """The answer to the first attempt gets lost after the purchase was made: the worst moment for a retry."""
    name, keys = _name(), []

    def lose_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        assert route.fetch().ok
        return route.abort("connectionreset")

    shop.page.route("**/v1/purchases", lose_first_answer)
    shop.open()
    shop.buy(name, "u-1", "5.00")
    alert = shop.page.locator("#alert")
    expect(alert).to_contain_text("can't be reached")
    expect(alert).to_contain_text("can't buy twice")
    expect(shop.page.get_by_label("Price")).to_have_value("5.00")

    shop.press("Try again")
    expect(alert).to_be_hidden()
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)
    shop.press("Show purchases")
    expect(shop.page.locator("#shown")).to_have_text("1 purchase")
    shop.buy(name, "u-1", "5.00")
    expect(shop.page.locator("#shown")).to_have_text("All 2 purchases")
    assert keys[0] == keys[1] != keys[2]


def test_an_outage_says_what_to_do_and_keeps_the_entries(shop: Shop) -> None:
    problem = {
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Kafka does not answer",
        "requestId": "r-1",
    }
    shop.page.route(
        "**/v1/purchases",
        lambda route: route.fulfill(
            status=503,
            headers={"Retry-After": "5", "Content-Type": "application/problem+json"},
            body=json.dumps(problem),
        ),
    )
    shop.open()
    shop.buy(_name(), "u-1", "5")
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("Kafka does not answer")
    expect(alert).to_contain_text("Try again in 5 s.")
    expect(alert).to_contain_text("r-1")
    expect(shop.page.get_by_label("Price")).to_have_value("5")


def test_a_rejection_shows_its_reason(shop: Shop) -> None:
    answer = {
        "receipt": "x",
        "state": "rejected",
        "reason": "this Idempotency-Key belongs to another purchase",
    }
    shop.page.route("**/v1/receipts/**", lambda route: route.fulfill(json=answer))
    shop.open()
    shop.buy(_name(), "u-1", "5")
    life = shop.page.locator(".life[data-state=rejected]")
    expect(life).to_contain_text("Rejected")
    expect(life).to_contain_text("This Idempotency-Key belongs to another purchase.")
    expect(shop.page.get_by_role("status")).to_contain_text("rejected")


def test_the_keyboard_is_enough(shop: Shop) -> None:
    name = _name()
    shop.open()
    keys = shop.page.keyboard
    shop.page.get_by_role("link", name="API reference").focus()
    for text in (name, "u-1", "3.50"):
        keys.press("Tab")
        ring = shop.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"
        keys.type(text)
    keys.press("Enter")
    expect(shop.page.locator(".life[data-state=stored]")).to_have_count(1)
    for _ in range(16):  # through the parts of the timestamp, however many the browser makes of it
        keys.press("Tab")
        if shop.page.evaluate("document.activeElement.id") == "look-up":
            break
    keys.press("Enter")
    expect(shop.page.get_by_role("row").filter(has_text="3.50")).to_have_count(1)
    expect(shop.page.get_by_role("button", name="Show purchases")).to_be_focused()
