"""The catalog's page: find a product, review it, and see its average and histogram change without a reload."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

Shelf = tuple[str, list[str]]
PRODUCTS, REVIEWS = 24, 13  # more than one page of each
HOSTILE = "<img src=x onerror=alert(1)> & \"quotes\" 'n'"


def send(platform: Platform, method: str, path: str, body: object = None) -> str:
    headers = {"Content-Type": "application/json", "Prefer": "wait=10"}
    payload = None if body is None else json.dumps(body).encode()
    with urlopen(Request(platform.base_url + path, payload, headers, method=method), timeout=15) as answer:
        return str(answer.headers["X-Id"])


def make(platform: Platform, name: str, price: str = "39.90", **more: object) -> str:
    return send(platform, "POST", "/v1/products", {"name": name, "price": price, **more})


def review(platform: Platform, product: str, stars: int, user: str | None = None, **more: object) -> str:
    user = user or uuid.uuid4().hex[:8]
    body = {"userid": user, "displayName": f"Name of {user}", "rating": stars, **more}
    return send(platform, "POST", f"/v1/products/{product}/reviews", body)


@pytest.fixture(scope="module")
def shelf(platform: Platform) -> Shelf:
    """Products that start with one word, by price from 1 to 24; the first one is much reviewed."""
    mark = f"shelf s{uuid.uuid4().hex[:8]}"
    ids = [make(platform, f"{mark} {n:02}", f"{n}.00", tags=["gift"]) for n in range(1, PRODUCTS + 1)]
    for n in range(REVIEWS):
        review(platform, ids[0], n % 5 + 1, f"reader-{n}", text=f"Said {n}.", timestamp=f"2026-01-{n + 1:02}")
    return mark, ids


def names(shop: Shop) -> list[str]:
    return [name.rsplit(" ", 1)[-1] for name in shop.page.locator(".product-name").all_text_contents()]


def search(shop: Shop, words: str) -> None:
    shop.page.get_by_label("Search", exact=True).fill(words)


def height(shop: Shop, selector: str) -> float:
    box = shop.page.locator(selector).bounding_box()
    assert box is not None, selector
    return box["height"]


def open_product(shop: Shop, id: str) -> None:
    shop.open(f"/catalog#product/{id}")
    expect(shop.page.locator("#review")).to_be_visible()


def say(shop: Shop, user: str, stars: int, text: str = "") -> None:
    shop.page.get_by_label("User ID").fill(user)
    shop.page.get_by_label("Name to be shown").fill("Ada")
    shop.page.get_by_role("radio", name=f"{stars} star").check()
    shop.page.get_by_label("Text").fill(text)
    shop.press("Add review")


def expect_rating(shop: Shop, average: str, count: str, histogram: list[int]) -> None:
    expect(shop.page.locator(".average")).to_have_text(average)
    expect(shop.page.locator(".rating-head .of")).to_contain_text(count)
    expect(shop.page.locator(".histogram .number")).to_have_text([str(number) for number in histogram])


def test_products_are_found_by_their_words_in_each_order_page_by_page(shop: Shop, shelf: Shelf) -> None:
    mark, _ = shelf
    shop.open("/catalog")
    expect(shop.page.get_by_role("link", name="Catalog")).to_have_attribute("aria-current", "page")
    search(shop, mark.upper())
    shown = shop.page.locator("#products-shown")
    expect(shown).to_have_text("20 products shown, more follow")
    assert names(shop) == [f"{n:02}" for n in range(24, 4, -1)]
    shop.page.get_by_label("Order").first.select_option("Price, low to high")
    expect(shop.page.locator(".product-name").first).to_have_text(re.compile("01$"))
    more = shop.page.get_by_role("button", name="Load more")
    more.focus()
    shop.page.keyboard.press("Enter")
    expect(shown).to_have_text(f"All {PRODUCTS} products")
    expect(shown).to_be_focused()
    assert names(shop) == [f"{n:02}" for n in range(1, PRODUCTS + 1)]
    expect(shop.page.get_by_role("status")).to_contain_text(f"All {PRODUCTS} products")
    search(shop, f"{mark} 99")
    expect(shop.page.get_by_text("No name and no tag has")).to_be_visible()


def test_words_are_found_wherever_they_stand_and_are_in_the_address(shop: Shop, platform: Platform) -> None:
    mark = f"w{uuid.uuid4().hex[:8]}"
    make(platform, f"Brass Lämp {mark}", tags=["Gift idea"])
    make(platform, f"Iron lamp {mark}")
    shop.open("/catalog")
    for words, count in ((f"{mark} lam", 2), (f"IDEA {mark} lamp", 1), (f"{mark} ... bra!", 1), (f"{mark} amp", 0)):
        search(shop, words)
        expect(shop.page.locator("#products > li:visible")).to_have_count(count)
    search(shop, f"{mark} idea")
    expect(shop.page.locator("#products > li")).to_contain_text("Brass Lämp")
    shop.page.reload()
    expect(shop.page.get_by_label("Search", exact=True)).to_have_value(f"{mark} idea")
    expect(shop.page.locator("#products > li")).to_have_count(1)


def test_a_product_of_the_list_shows_its_stars_its_histogram_and_its_page(shop: Shop, shelf: Shelf) -> None:
    mark, _ = shelf
    shop.open("/catalog")
    search(shop, f"{mark} 01")
    row = shop.page.locator("#products li")
    expect(row).to_have_count(1)
    expect(row.get_by_role("img", name="2.77 of 5 stars")).to_be_visible()
    expect(row).to_contain_text(f"{REVIEWS} reviews")
    expect(row.get_by_role("img", name="5 stars: 2, 4 stars: 2, 3 stars: 3, 2 stars: 3, 1 star: 3")).to_be_visible()
    row.get_by_role("link").press("Enter")
    heading = shop.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"{mark} 01")
    expect(heading).to_be_focused()
    expect_rating(shop, "2.77", f"{REVIEWS} reviews", [2, 2, 3, 3, 3])
    shop.page.go_back()
    expect(shop.page.get_by_role("heading", level=1)).to_have_text("Catalog")
    expect(row).to_have_count(1)


def test_reviews_come_in_each_order_page_by_page(shop: Shop, shelf: Shelf) -> None:
    open_product(shop, shelf[1][0])
    texts = shop.page.locator("#reviews .prose")
    expect(texts).to_have_text([f"Said {n}." for n in range(12, 2, -1)])
    shop.press("Load more")
    expect(shop.page.locator("#reviews-shown")).to_have_text(f"All {REVIEWS} reviews")
    expect(texts).to_have_text([f"Said {n}." for n in range(12, -1, -1)])
    for order, first in (("Highest", "5"), ("Lowest", "1")):
        shop.page.locator("#review-sort").select_option(order)
        expect(shop.page.locator("#reviews .stars").first).to_have_attribute("aria-label", f"{first} of 5 stars")


def test_a_list_that_comes_late_says_nothing_over_the_open_product(shop: Shop, platform: Platform) -> None:
    name = f"Late {uuid.uuid4().hex[:8]}"
    make(platform, name)
    held: list[Route] = []
    shop.page.route(re.compile(r"/v1/products\?.*q=Late"), lambda route: held.append(route))
    shop.open("/catalog")
    with shop.page.expect_request(re.compile(r"q=Late")):
        search(shop, name)
    shop.page.get_by_role("link", name=name).click()
    say(shop, "ada-2", 1)
    status = shop.page.get_by_role("status")
    expect(status).to_have_text("Your review was added. The average is 1.00 of 1 review.")
    held[0].continue_()
    expect(shop.page.locator("#products-shown")).to_have_text("1 product")
    # What is announced is written after 50 ms, so by then all that was to be said is there.
    shop.page.evaluate("() => new Promise(done => setTimeout(done, 50))")
    assert status.text_content() == "Your review was added. The average is 1.00 of 1 review."


def test_the_average_follows_an_added_a_changed_and_a_deleted_review(shop: Shop, platform: Platform) -> None:
    name = f"Rated {uuid.uuid4().hex[:8]}"
    id = make(platform, name)
    review(platform, id, 4)
    shop.open("/catalog")
    search(shop, name)
    shop.page.get_by_role("link", name=name).click()
    expect_rating(shop, "4.00", "1 review", [0, 1, 0, 0, 0])

    say(shop, "ada-1", 1, "Broke at once.")
    expect_rating(shop, "2.50", "2 reviews", [0, 1, 0, 0, 1])
    expect(shop.page.get_by_role("status")).to_have_text("Your review was added. The average is 2.50 of 2 reviews.")
    own = shop.page.locator("#reviews li").filter(has_text="Broke at once.")
    expect(own.get_by_role("button", name="Edit")).to_be_visible()
    expect(shop.page.get_by_role("button", name="Edit")).to_have_count(1)

    own.get_by_role("button", name="Edit").click()
    expect(shop.page.get_by_role("radio", name="1 star")).to_be_checked()
    shop.page.get_by_role("radio", name="5 stars").check()
    shop.page.get_by_label("Text").fill("They sent a new one.")
    shop.press("Save changes")
    expect_rating(shop, "4.50", "2 reviews", [1, 1, 0, 0, 0])
    own = shop.page.locator("#reviews li").filter(has_text="They sent a new one.")
    expect(own).to_contain_text("edited")

    own.get_by_role("button", name="Delete").click()
    expect(own.get_by_role("button", name="Delete it for good")).to_be_focused()
    shop.press("Keep it")
    expect(own.get_by_role("button", name="Delete")).to_be_focused()
    shop.page.keyboard.press("Enter")
    shop.page.keyboard.press("Enter")
    expect_rating(shop, "4.00", "1 review", [0, 1, 0, 0, 0])
    expect(own).to_have_count(0)
    expect(shop.page.get_by_role("heading", name="Reviews")).to_be_focused()

    say(shop, "ada-1", 2)
    expect_rating(shop, "3.00", "2 reviews", [0, 1, 0, 1, 0])
    shop.page.get_by_role("link", name="All products").click()
    expect(shop.page.locator("#products li").filter(has_text=name)).to_contain_text("3.00")
    assert sum(request.is_navigation_request() for request in shop.requests) == 1


def test_a_product_is_bought_on_its_page_and_its_review_is_verified(shop: Shop, platform: Platform) -> None:
    id, userid = make(platform, f"Sold {uuid.uuid4().hex[:8]}", "12.50"), f"ada-{uuid.uuid4().hex[:8]}"
    open_product(shop, id)
    expect(shop.page.locator("#buy-price")).to_have_text("12.50")
    shop.press("Buy")
    for name in ("buyer", "username"):
        expect(shop.page.locator(f"#{name}-error")).to_be_visible()
    shop.page.get_by_label("Buyer").fill(userid)
    shop.page.get_by_label("Username").fill("ada")
    shop.press("Buy")
    expect(shop.page.locator(".life")).to_have_attribute("data-state", "stored")
    expect(shop.page.get_by_role("status")).to_contain_text("12.50 stored")
    bought = platform.db["purchases"].find_one({"userid": userid})
    assert bought is not None
    assert (bought["productid"], str(bought["price"])) == (id, "12.50")

    expect(shop.page.get_by_label("User ID")).to_have_value(userid)
    say(shop, userid, 5, "As it was shown.")
    expect(shop.page.locator("#reviews li").filter(has_text="As it was shown.")).to_contain_text("Verified purchase")
    # What was bought is the open product's: the next one begins without it.
    open_product(shop, make(platform, f"Next {uuid.uuid4().hex[:8]}"))
    expect(shop.page.locator(".life")).to_have_count(0)


def test_a_purchase_that_fails_on_the_page_of_a_product_is_told_there(shop: Shop, platform: Platform) -> None:
    open_product(shop, make(platform, f"Away {uuid.uuid4().hex[:8]}"))
    problem = {"status": 422, "detail": "is too long", "field": "userid"}
    answers = [(503, {"status": 503, "detail": "Kafka does not answer"}), (422, problem)]
    keys: list[str] = []

    def answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        status, body = answers[len(keys) - 1]
        headers = {"Content-Type": "application/problem+json"}
        route.fulfill(status=status, headers=headers, body=json.dumps(body))

    shop.page.route("**/v1/purchases", answer)
    shop.page.get_by_label("Buyer").fill("ada-3")
    shop.page.get_by_label("Username").fill("ada")
    shop.press("Buy")
    expect(shop.page.locator("#buy-alert")).to_contain_text("can't buy twice")
    shop.press("Try again")
    expect(shop.page.locator("#buyer-error")).to_have_text("Is too long.")
    expect(shop.page.get_by_label("Buyer")).to_be_focused()
    assert keys[0] == keys[1]


def test_who_has_reviewed_already_is_told_and_keeps_the_entries(shop: Shop, platform: Platform) -> None:
    id = make(platform, "Once")
    review(platform, id, 5, "ada-1")
    open_product(shop, id)
    say(shop, "ada-1", 2, "Again.")
    alert = shop.page.get_by_role("alert")
    expect(alert).to_contain_text("has reviewed product")
    expect(alert).to_contain_text("The review was not stored.")
    expect(shop.page.get_by_label("Text")).to_have_value("Again.")
    expect_rating(shop, "5.00", "1 review", [1, 0, 0, 0, 0])


def test_what_is_missing_or_refused_is_said_at_its_field(shop: Shop, platform: Platform) -> None:
    open_product(shop, make(platform, "Fields"))
    shop.press("Add review")
    for field in ("userid", "displayName", "rating"):
        expect(shop.page.locator(f"#{field}-error")).to_be_visible()
    expect(shop.page.get_by_label("User ID")).to_be_focused()
    say(shop, "u", 3, "é" * 33_000)
    expect(shop.page.locator("#text-error")).to_contain_text("64 KiB")
    expect(shop.page.get_by_label("Text")).to_be_focused()


def test_a_review_that_waits_long_is_followed_and_one_refused_late_is_told(shop: Shop, platform: Platform) -> None:
    """202 at first: the page asks for the receipt until something is known."""
    open_product(shop, make(platform, "Late"))
    states = iter([("accepted", None), ("rejected", "a made-up reason")])

    def accept(route: Route) -> None:
        assert re.match(r"wait=\d", route.request.headers["prefer"])
        route.fulfill(status=202, json={"id": "r", "receipt": "x", "state": "accepted"})

    def tell(route: Route) -> None:
        state, reason = next(states)
        route.fulfill(json={"receipt": "x", "state": state, "reason": reason})

    shop.page.route("**/reviews", accept)
    shop.page.route("**/v1/receipts/**", tell)
    say(shop, "u", 3)
    expect(shop.page.get_by_role("alert")).to_contain_text("a made-up reason")


def test_a_retry_carries_the_same_key_and_counts_once(shop: Shop, platform: Platform) -> None:
    """The answer to the first attempt gets lost after the review was stored: the worst moment for a retry."""
    keys: list[str] = []

    def lose_first_answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        assert route.fetch().ok
        return route.abort("connectionreset")

    open_product(shop, make(platform, "Lost"))
    shop.page.route("**/reviews", lose_first_answer)
    say(shop, "u", 5)
    expect(shop.page.get_by_role("alert")).to_contain_text("can't count twice")
    shop.press("Try again")
    expect_rating(shop, "5.00", "1 review", [1, 0, 0, 0, 0])
    assert keys[0] == keys[1]


def test_a_new_product_is_added_and_shown_first(shop: Shop) -> None:
    name = f"Lamp {uuid.uuid4().hex[:8]}"
    shop.open("/catalog")
    shop.press("Add product")
    expect(shop.page.locator("#name-error")).to_have_text("Enter a name.")
    shop.page.get_by_label("Name", exact=True).fill(name)
    shop.page.get_by_label("Price").fill("12.345")
    shop.press("Add product")
    expect(shop.page.get_by_label("Price")).to_be_focused()
    shop.page.get_by_label("Price").fill("12.34")
    shop.page.get_by_label("Tags").fill("light, gift,")
    shop.page.get_by_role("textbox", name="Description").fill("It glows.\nA little.")
    shop.press("Add product")
    row = shop.page.locator("#products li").first
    expect(row).to_contain_text(name)
    expect(row).to_contain_text("12.34")
    expect(row.locator(".tag")).to_have_text(["light", "gift"])
    expect(row).to_contain_text("No reviews")
    expect(shop.page.get_by_role("status")).to_have_text(f"{name} is in the catalog.")
    row.get_by_role("link").click()
    expect(shop.page.locator("#product-description")).to_have_text("It glows.\nA little.")
    expect_rating(shop, "–", "No reviews yet", [0, 0, 0, 0, 0])


def test_text_is_shown_as_it_is_and_long_text_is_folded(shop: Shop, platform: Platform) -> None:
    mark = uuid.uuid4().hex[:8]
    id = make(platform, f"{mark} {HOSTILE}", description=f"{HOSTILE}\n" * 200, tags=[HOSTILE])
    review(platform, id, 3, displayName=HOSTILE, text=HOSTILE)
    shop.open("/catalog")
    search(shop, mark)
    expect(shop.page.locator("#products .tag")).to_have_text([HOSTILE])
    shop.page.locator("#products a").click()
    expect(shop.page.get_by_role("heading", level=1)).to_have_text(f"{mark} {HOSTILE}")
    expect(shop.page.locator("#reviews .prose")).to_have_text(HOSTILE)
    expect(shop.page.locator("#reviews .review-who")).to_have_text(HOSTILE)
    assert shop.page.locator("main img").count() == 0
    before = height(shop, "#product-description")
    shop.press("Show all of it")
    assert height(shop, "#product-description") > 4 * before


def test_a_product_that_is_gone_is_told(shop: Shop) -> None:
    shop.open("/catalog#product/nowhere")
    expect(shop.page.get_by_role("alert")).to_contain_text("no such product")
    expect(shop.page.locator("#review")).to_be_hidden()
    shop.page.get_by_role("link", name="All products").click()
    expect(shop.page.get_by_role("heading", level=1)).to_have_text("Catalog")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375, 320])
def test_both_views_are_readable_and_fit(
    shop: Shop, platform: Platform, shelf: Shelf, scheme: Scheme, width: int
) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    shop.page.set_viewport_size({"width": width, "height": 812})
    make(platform, "W" * 128, "999999999.99", tags=["t" * 128])
    shop.open("/catalog")
    shop.press("Add product")
    expect(shop.page.locator("#name-error")).to_be_visible()
    list_texts = ["h1", "h2", "label", ".hint", ".error", "#add", ".product-name a", ".tag", ".of", ".product-price"]
    assert (shop.too_wide(), shop.unreadable([*list_texts, "select"])) == ([], {})
    shop.check_names()
    open_product(shop, shelf[1][0])
    shop.page.get_by_label("User ID").fill("reader-12")
    shop.press("Add review")
    texts = ["h1", ".back a", "#product-facts .number", ".average", ".histogram span", "legend", ".choices span"]
    reviews = [".review-who", ".review-when", ".reviews .prose", ".own button", "#say", ".error", ".order label"]
    assert (shop.too_wide(), shop.unreadable([*texts, *reviews])) == ([], {})
    shop.check_names()


def test_the_keyboard_is_enough(shop: Shop, platform: Platform) -> None:
    open_product(shop, make(platform, "Keys"))
    shop.page.get_by_label("User ID").focus()
    keys = shop.page.keyboard
    keys.type("u-1")
    keys.press("Tab")
    keys.type("Ada")
    keys.press("Tab")
    keys.press("ArrowRight")  # chooses the next one of the stars
    keys.press("ArrowRight")
    keys.press("Tab")
    keys.type("Typed.")
    keys.press("Tab")
    ring = shop.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    keys.press("Enter")
    expect_rating(shop, "3.00", "1 review", [0, 0, 1, 0, 0])
