"""The basket: several products bought by one request, each with a state of its own, and no retry that buys twice."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

PRICES = ("12.50", "0.99", "1000000")
Goods = list[tuple[str, str]]


@pytest.fixture(scope="module")
def goods(make: Callable[..., str]) -> Goods:
    """Three products by id and name, with a word in common."""
    mark = f"basket {uuid.uuid4().hex[:8]}"
    named = [f"{mark} {number}" for number in range(len(PRICES))]
    return [(make(name, price), name) for name, price in zip(named, PRICES, strict=True)]


def put_in(shop: Shop, *names: str) -> None:
    for name in names:
        shop.page.get_by_role("button", name=f"Add to basket: {name}").click()


def open_catalog(shop: Shop, goods: Goods) -> None:
    shop.open(f"/catalog?sort=oldest&q={goods[0][1].rsplit(' ', 1)[0]}")
    expect(shop.page.locator("#products > li")).to_have_count(len(goods))


def open_basket(shop: Shop, goods: Goods, userid: str) -> None:
    open_catalog(shop, goods)
    put_in(shop, *(name for _, name in goods))
    shop.page.get_by_role("link", name=f"Basket {len(goods)}").click()
    expect(shop.page.get_by_role("heading", level=1)).to_be_focused()
    shop.page.get_by_label("Who buys").fill(userid)
    shop.page.get_by_label("Under which name").fill(f"name of {userid}")


def bought(platform: Platform, userid: str) -> list[tuple[str, str]]:
    return sorted((doc["productid"], str(doc["price"])) for doc in platform.db["purchases"].find({"userid": userid}))


def test_all_lines_are_bought_by_one_request_and_each_is_seen_stored(
    shop: Shop, platform: Platform, goods: Goods
) -> None:
    userid = f"ada-{uuid.uuid4().hex[:8]}"
    open_basket(shop, goods, userid)
    expect(shop.page.locator("#total")).to_have_text("1,000,013.49")
    shop.press("Buy all")
    lives = shop.page.locator("#bought .life")
    expect(lives).to_have_count(3)
    expect(shop.page.locator("#bought .life[data-state=stored]")).to_have_count(3)
    for _, name in goods:
        expect(lives.filter(has_text=name)).to_contain_text("Stored in")
    expect(shop.page.get_by_text("The basket is empty")).to_be_visible()
    posted = [request.url.rpartition("/")[2] for request in shop.requests if request.method == "POST"]
    assert posted == ["purchases:batch"]
    assert bought(platform, userid) == sorted((id, price) for (id, _), price in zip(goods, PRICES, strict=True))

    lives.first.get_by_role("link", name="Show my purchases").click()
    expect(shop.page.get_by_role("heading", name=f"Purchases of name of {userid}")).to_be_visible()
    expect(shop.page.locator("#rows tr")).to_have_count(3)
    shop.page.locator("#rows").get_by_role("link", name="Product").first.click()
    expect(shop.page.get_by_role("heading", level=1)).to_contain_text("basket")


def test_the_basket_is_kept_and_lines_can_be_removed(shop: Shop, goods: Goods) -> None:
    shop.open(f"/catalog#product/{goods[0][0]}")
    put_in(shop, goods[0][1])
    expect(shop.page.get_by_role("status")).to_have_text(f"{goods[0][1]} is in the basket.")
    open_catalog(shop, goods)
    put_in(shop, goods[1][1], goods[1][1])
    shop.open("/catalog#basket")
    shop.page.reload()
    lines = shop.page.locator("#lines > li")
    expect(lines).to_have_count(3)
    lines.filter(has_text=goods[0][1]).get_by_role("button", name="Remove").click()
    expect(shop.page.locator("#total")).to_have_text("1.98")
    expect(shop.page.get_by_role("heading", level=1)).to_be_focused()
    shop.press("Buy all")
    expect(shop.page.locator("#basketBuyer-error")).to_be_visible()
    expect(shop.page.get_by_label("Who buys")).to_be_focused()


def test_a_line_that_is_refused_stays_with_its_reason(shop: Shop, goods: Goods) -> None:
    open_basket(shop, goods, "ada")

    def refuse_one(route: Route) -> None:
        answer = route.fetch().json()
        number = answer["results"][1]["line"]
        answer["results"][1] = {"line": number, "status": 422, "field": "price", "detail": "is a made-up fault"}
        route.fulfill(status=202, json=answer)

    shop.page.route("**/v1/purchases:batch", refuse_one)
    shop.press("Buy all")
    lines = shop.page.locator("#lines > li")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text(goods[1][1])
    expect(lines.locator(".error")).to_have_text("Is a made-up fault.")
    expect(shop.page.locator("#bought .life[data-state=stored]")).to_have_count(2)
    expect(lines.get_by_role("button", name="Remove")).to_be_visible()


def test_after_a_lost_answer_the_same_is_sent_again_and_bought_once(
    shop: Shop, platform: Platform, goods: Goods
) -> None:
    """What was sent goes first, in its order and under its key; what was added meanwhile follows. A reload changes
    nothing of that."""
    userid = f"ada-{uuid.uuid4().hex[:8]}"
    sent: list[tuple[str, list[Any]]] = []

    def lose_first_answer(route: Route) -> None:
        sent.append((route.request.headers["idempotency-key"], json.loads(route.request.post_data or "")))
        if len(sent) > 1:
            return route.continue_()
        assert route.fetch().ok
        return route.abort("connectionreset")

    shop.page.route("**/v1/purchases:batch", lose_first_answer)
    open_basket(shop, goods, userid)
    shop.press("Buy all")
    expect(shop.page.locator("#basket-alert")).to_contain_text("can't buy twice")
    expect(shop.page.locator("#lines .hint")).to_have_count(3)
    expect(shop.page.get_by_role("button", name="Remove")).to_have_count(0)
    shop.page.locator("#basket-view").get_by_role("link", name="All products").click()
    put_in(shop, goods[0][1])
    shop.open("/catalog#basket")
    shop.page.reload()
    shop.page.get_by_label("Who buys").fill(userid)
    shop.page.get_by_label("Under which name").fill("another name")
    shop.press("Buy all")
    expect(shop.page.locator("#bought .life[data-state=stored]")).to_have_count(4)
    assert sent[0][0] == sent[1][0] and sent[1][1][:3] == sent[0][1]
    expected = [(id, price) for (id, _), price in zip(goods, PRICES, strict=True)]
    assert bought(platform, userid) == sorted([*expected, expected[0]])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_is_readable_and_fits(shop: Shop, make: Callable[..., str], scheme: Scheme, width: int) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    shop.page.set_viewport_size({"width": width, "height": 812})
    name = f"{uuid.uuid4().hex} {'W' * 90}"
    open_basket(shop, [(make(name, "999999999.99"), name)], "ada")
    shop.page.route("**/v1/purchases:batch", lambda route: route.abort("connectionrefused"))
    shop.press("Buy it")
    expect(shop.page.locator("#basket-alert")).to_be_visible()
    texts = ["h1", ".line-name", ".line-price", ".line-note", ".total", "label", ".hint", "#buy-all", ".back a"]
    assert (shop.too_wide(), shop.unreadable(texts)) == ([], {})
    shop.check_names()
