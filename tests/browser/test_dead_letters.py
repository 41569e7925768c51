"""The desk for dead letters: found, opened, mended, sent again, put aside; and told when it can't be."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, expect

from shop_core.events.envelope import Record
from shop_core.events.purchases import DOMAIN

if TYPE_CHECKING:
    from shop_core.kafka.publisher import KafkaPublisher
    from tests.browser.conftest import Scheme, Shop
    from tests.conftest import Platform

DESK = "/ops/dead-letters"
LIST, GROUPS = re.compile(r"dead-letters\?"), re.compile(r"dead-letters:groups\?")
TEXTS = [
    "h1", ".intro p", "h2", "label", ".letter-reason", ".letter-about", ".group-count span", ".letters code",
    ".letters [class^=is-]", "button", ".results-foot p",
]  # fmt: skip
BULK = ["dialog h2", "dialog p", "dialog code", "dialog [class^=is-]", "dialog button"]
ONE = [
    "h1", ".intro p", "#letter-facts span", "h2", ".reason", "textarea", ".hint", "#outcome p",
    ".headers th", ".headers td", ".facts dt", ".facts dd", "#chain li", "button",
]  # fmt: skip
OPEN: dict[str, Any] = {
    "receipt": "shop.purchases-7-0", "domain": "purchases", "state": "open", "reason": "price: '-1' is below 0",
    "type": "shop.purchase.made.v1", "cause": "rejected", "at": "2027-01-01T12:00:00Z", "count": 2, "cut": [],
    "redrivenOf": "shop.purchases-7-8", "successor": None, "by": None, "doneAt": None, "note": None,
}  # fmt: skip
BEFORE = OPEN | {"receipt": "shop.purchases-7-8", "state": "redriven", "by": "ada", "doneAt": "2027-01-01T12:05:00Z"}
GROUP = {
    "domain": "purchases", "type": OPEN["type"], "reason": "price: … is below …", "count": 37,
    "first": "2027-01-01T11:00:00Z", "last": OPEN["at"], "receipt": OPEN["receipt"],
}  # fmt: skip
WHOLE = {
    "letter": OPEN,
    "headers": [
        {"name": "ce_id", "value": {"size": 4, "text": "id-1"}},
        {"name": "raw", "value": {"size": 2, "hex": "ff00"}},
    ],
    "key": {"size": 3, "text": "ada"},
    "value": {"size": 30, "json": {"userid": "ada", "price": "-1", "timestamp": "2027-01-01T11:59:59Z"}},
    "faults": [{"field": "price", "detail": "must not be below 0"}],
    "chain": [BEFORE],
    "later": [],
}  # fmt: skip

MANY = {
    "receipt": OPEN["receipt"], "state": "accepted", "successor": "shop.purchases-7-9", "why": "not stored within 5 s",
    "outcomes": [
        {"receipt": OPEN["receipt"], "state": "would be sent", "successor": None, "why": None},
        {"receipt": BEFORE["receipt"], "state": "not sent", "successor": None, "why": "it would be refused again"},
    ],
    "left": 5,
}  # fmt: skip
"""What one letter became, and many."""


def poison(**fields: str) -> Record:
    """A purchase that its consumer refuses."""
    id = f"desk-{uuid.uuid4().hex[:8]}"
    data = {"username": id, "userid": id, "price": "5", "timestamp": "2026-02-03T04:05:06Z"} | fields
    attributes = {"id": id, "type": "shop.purchase.made.v1", "source": "/t", "specversion": "1.0"}
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    return Record(
        DOMAIN.topic, id.encode(), json.dumps(data).encode(), (*headers, ("ce_time", b"2026-02-03T04:05:06Z"))
    )


@pytest.fixture
def refused(platform: Platform, publisher: KafkaPublisher, until: Callable[..., None]) -> Callable[..., list[str]]:
    """Publishes events that are no good: their receipts, once they are letters."""

    def refused(*records: Record) -> list[str]:
        receipts = publisher.publish(list(records))

        def listed() -> bool:
            answer = platform.request("GET", "/v1/ops/dead-letters?limit=200")
            return answer.status == 200 and set(receipts) <= {each["receipt"] for each in answer.json()["letters"]}

        until(listed, "the letters are listed", 30)
        return receipts

    return refused


def letters_only() -> str:
    """A name without digits, so that letters with it in their reasons are a group of their own."""
    return uuid.uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))


def group(shop: Shop, name: str) -> Locator:
    return shop.page.locator("#groups > li").filter(has_text=name)


def pretend(shop: Shop, pattern: str | re.Pattern[str], body: Any, status: int = 200) -> None:
    kind = "application/json" if status == 200 else "application/problem+json"
    shop.page.route(pattern, lambda route: route.fulfill(status=status, content_type=kind, body=json.dumps(body)))


def refuse(shop: Shop, pattern: str | re.Pattern[str], status: int, detail: str) -> None:
    pretend(shop, pattern, {"title": "x", "status": status, "detail": detail}, status)


def pretend_letters(shop: Shop) -> None:
    pretend(shop, LIST, {"letters": [OPEN, BEFORE], "total": 137, "next": "x"})
    pretend(shop, GROUPS, {"groups": [GROUP, GROUP | {"count": 1}]})
    pretend(shop, f"**/v1/ops/dead-letters/{OPEN['receipt']}", WHOLE)


@pytest.fixture
def opened(shop: Shop) -> Iterator[Shop]:
    """A letter that is only told of, so that anything can become of it."""
    pretend_letters(shop)
    shop.open(f"{DESK}#letter/{OPEN['receipt']}")
    expect(shop.page.locator("#value")).to_be_visible()
    yield shop


def test_a_letter_is_mended_checked_and_stored(
    shop: Shop, platform: Platform, refused: Callable[..., list[str]]
) -> None:
    record = poison(price="-1")
    (receipt,) = refused(record)
    shop.open(f"{DESK}#letter/{receipt}")
    expect(shop.page.get_by_role("heading", level=1)).to_have_text(receipt)
    faults, value, outcome = (shop.page.locator(each) for each in ("#value-faults", "#value", "#outcome"))
    expect(faults).to_contain_text("price")
    expect(shop.page.locator("#headers")).to_contain_text("shop.purchase.made.v1")
    value.fill(value.input_value().replace('"-1"', '"-2"'))
    expect(faults).to_be_hidden()
    shop.press("Send again")
    expect(faults).to_contain_text("price")
    expect(value).to_be_focused()
    assert shop.page.evaluate("() => getSelection().toString()") == '"price"'
    value.fill(value.input_value().replace('"-2"', "6.5,"))
    shop.press("Check only")
    expect(faults).to_contain_text("is not JSON")
    value.fill(value.input_value().replace("6.5,", '"6.5"'))
    shop.press("Check only")
    expect(outcome).to_contain_text("would be sent")
    userid = record.key.decode() if record.key else ""
    assert platform.db["purchases"].find_one({"userid": userid}) is None
    shop.press("Send again")
    expect(outcome).to_contain_text("stored as shop.purchases-")
    expect(outcome).to_be_focused()
    expect(shop.page.locator("#became")).to_contain_text("anonymous")
    expect(shop.page.get_by_role("button", name="Send again")).to_be_hidden()
    stored = platform.db["purchases"].find_one({"userid": userid})
    assert stored and str(stored["price"]) == "6.5"


def test_a_letter_is_found_and_discarded_by_keyboard_alone(shop: Shop, refused: Callable[..., list[str]]) -> None:
    name = letters_only()
    (receipt,) = refused(poison(**{name: "x"}))
    shop.open(DESK)
    keyboard = shop.page.keyboard
    shop.page.get_by_label("Words in the reason").focus()
    keyboard.type(name.upper())
    expect(shop.page.locator("#letters > li")).to_have_count(1)
    shop.page.locator("#letters a").focus()
    keyboard.press("Enter")
    expect(shop.page.get_by_role("heading", name=receipt)).to_be_focused()
    assert f"reason={name.upper()}" in shop.page.url and receipt in shop.page.url
    expect(shop.page.locator("#note")).to_be_visible()
    shop.page.locator("#note").focus()
    keyboard.type("a trial")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(shop.page.get_by_role("heading", name=receipt)).to_be_focused()
    for text in ("discarded", "anonymous", "a trial"):
        expect(shop.page.locator("#became")).to_contain_text(text)
    expect(shop.page.locator("#discard")).to_be_hidden()
    shop.page.go_back()
    expect(shop.page.locator("#letters-empty")).to_contain_text("No such dead letter")
    shop.page.get_by_label("State").select_option("Discarded")
    expect(shop.page.locator("#letters > li")).to_contain_text("“a trial”")
    shop.page.reload()
    expect(shop.page.locator("#letters > li")).to_contain_text(receipt)


def test_alike_ones_are_tried_first_and_done_by_a_second_press(shop: Shop, refused: Callable[..., list[str]]) -> None:
    name = letters_only()
    receipts = refused(*(poison(**{name: "x"}) for _ in range(3)))
    shop.open("/ops")
    shop.page.get_by_role("link", name="dead letters", exact=True).click()
    group(shop, name).get_by_role("link").click()
    expect(shop.page.locator("#letters > li")).to_have_count(3)
    expect(shop.page.get_by_text("Only those like")).to_be_visible()
    dialog = shop.page.get_by_role("dialog")
    group(shop, name).get_by_role("button", name="Redrive…").click()
    expect(dialog.get_by_role("status")).to_contain_text("3 would not be sent.")
    expect(dialog.locator("li").first).to_contain_text("it would be refused again")
    expect(dialog.get_by_role("button", name="Send")).to_be_hidden()
    shop.page.keyboard.press("Escape")
    group(shop, name).get_by_role("button", name="Discard…").click()
    expect(dialog.get_by_role("status")).to_contain_text("3 would be discarded. Nothing is done yet.")
    for receipt in receipts:
        expect(dialog.locator("ul")).to_contain_text(receipt)
    dialog.get_by_label("Note").fill("a field of another release")
    refused(poison(**{name: "late"}))
    dialog.get_by_role("button", name="Discard 3").click()
    expect(dialog.get_by_role("status")).to_have_text("3 discarded.")
    dialog.get_by_role("button", name="Close").click()
    expect(shop.page.locator("#letters > li")).to_have_count(1)
    assert not any(receipt in shop.page.locator("#letters").inner_text() for receipt in receipts)
    shop.page.get_by_label("State").select_option("All")
    expect(shop.page.locator("#letters > li")).to_have_count(4)


def test_numbers_are_sent_as_they_were_written(shop: Shop) -> None:
    exact = '{"a":5.0,"b":12345678901234567890}'
    pretend_letters(shop)
    body = json.dumps(WHOLE | {"value": {"size": 34, "json": 0}}).replace('"json": 0', f'"json": {exact}')
    shop.page.route(f"**/{OPEN['receipt']}", lambda route: route.fulfill(content_type="application/json", body=body))
    shop.open(f"{DESK}#letter/{OPEN['receipt']}")
    value = shop.page.locator("#value")
    expect(value).to_have_value('{\n  "a": 5.0,\n  "b": 12345678901234567890\n}')
    pretend(shop, "**:redrive", {"receipt": OPEN["receipt"], "state": "would be sent", "successor": None, "why": None})
    with shop.page.expect_request("**:redrive") as asked:
        shop.press("Check only")
    assert asked.value.post_data == '{"dryRun":true}', "what is not changed is sent byte for byte"
    value.fill(exact.replace("5.0", "6.0"))
    with shop.page.expect_request("**:redrive") as asked:
        shop.press("Check only")
    assert asked.value.post_data == '{"dryRun":true,"value":{"a":6.0,"b":12345678901234567890}}'


@pytest.mark.parametrize(("button", "nothing"), [("Send again", "sent"), ("Discard", "discarded")])
def test_who_is_slower_than_another_desk_is_told_and_sees_what_became_of_it(
    opened: Shop, button: str, nothing: str
) -> None:
    act = re.compile(":(redrive|discard)$")
    refuse(opened, act, 409, "shop.purchases-7-0 is dealt with already: redriven shop.purchases-7-9.")
    done = OPEN | {"state": "redriven", "by": "bob", "successor": "shop.purchases-7-9", "doneAt": OPEN["at"]}
    pretend(opened, f"**/v1/ops/dead-letters/{OPEN['receipt']}", WHOLE | {"letter": done, "faults": []})
    opened.press(button)
    expect(opened.page.get_by_role("alert")).to_contain_text(f"Another desk was faster. Nothing was {nothing}.")
    expect(opened.page.get_by_role("alert")).to_be_focused()
    expect(opened.page.locator("#became")).to_contain_text("bob")
    expect(opened.page.locator("#mend-acts, #discard, #value-faults").locator("visible=true")).to_have_count(0)


def test_an_outage_says_what_is_not_known_and_offers_another_try(opened: Shop) -> None:
    refuse(opened, "**:redrive", 503, "Kafka does not answer, so nothing can be told of dead letters.")
    opened.press("Send again")
    alert = opened.page.get_by_role("alert")
    expect(alert).to_contain_text("Sending it again can't store it twice.")
    rejected = {"receipt": OPEN["receipt"], "state": "rejected", "successor": "shop.purchases-7-9", "why": "no stock"}
    pretend(opened, "**:redrive", rejected)
    opened.press("Try again")
    expect(opened.page.locator("#outcome")).to_contain_text("rejected again as shop.purchases-7-9")
    expect(opened.page.locator("#outcome a")).to_have_attribute("href", "#letter/shop.purchases-7-9")
    expect(alert).to_be_hidden()
    refuse(opened, LIST, 503, "MongoDB does not answer.")
    opened.page.get_by_role("link", name="All dead letters").click()
    expect(alert).to_contain_text("The dead letters could not be read.")
    pretend_letters(opened)
    opened.press("Try again")
    expect(opened.page.locator("#letters > li")).to_have_count(2)


def test_who_may_only_look_sees_no_button_that_would_not_work(shop: Shop) -> None:
    pretend_letters(shop)
    refuse(shop, "**:redrive", 403, "The scope ops:write is missing.")
    refuse(shop, f"**/v1/ops/dead-letters/{OPEN['receipt']}", 403, "The scope ops:write is missing.")
    shop.open(DESK)
    expect(shop.page.locator("#rights")).to_contain_text("needs the scope ops:write")
    expect(shop.page.locator("#letters > li")).to_have_count(2)
    expect(shop.page.locator("#letters a, #found .acts button")).to_have_count(0)
    shop.page.goto(f"{shop.base_url}{DESK}#letter/{OPEN['receipt']}")
    expect(shop.page.get_by_role("alert")).to_contain_text("needs the scope ops:write")
    expect(shop.page.locator("#letter")).to_be_hidden()


def test_who_signs_in_is_shown_what_was_asked_for(shop: Shop) -> None:
    refuse(shop, LIST, 401, "Who is calling?")
    shop.open(DESK)
    shop.page.get_by_label("Key or token").fill("shop_key")
    pretend_letters(shop)
    shop.press("Sign in")
    expect(shop.page.locator("#letters > li")).to_have_count(2)
    expect(shop.page.get_by_role("alert")).to_be_hidden()


def test_without_cm_ops_and_without_letters_the_page_says_so(shop: Shop) -> None:
    away = re.compile("dead-letters[?:]")
    refuse(shop, away, 404, "No cm-ops runs beside this shop: CM_OPS_URL names none.")
    shop.open(DESK)
    expect(shop.page.locator("#absent")).to_contain_text("CM_OPS_URL")
    expect(shop.page.locator("#find")).to_be_hidden()
    shop.page.unroute(away)
    pretend(shop, LIST, {"letters": [], "total": 0, "next": None})
    shop.page.reload()
    expect(shop.page.locator("#letters-empty")).to_contain_text("No dead letter is open")
    shop.page.goto(f"{shop.base_url}{DESK}#letter/shop.purchases-0-999999")
    expect(shop.page.get_by_role("alert")).to_contain_text("of no dead letter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_fits_and_has_names(shop: Shop, scheme: Scheme) -> None:
    shop.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    pretend_letters(shop)
    shop.open(DESK)
    expect(shop.page.locator("#groups > li")).to_have_count(2)
    check(shop, TEXTS)
    pretend(shop, "**:redrive", MANY)
    shop.page.get_by_role("button", name="Redrive all 137").click()
    expect(shop.page.get_by_role("button", name="Send 1 again")).to_be_focused()
    check(shop, BULK)
    shop.page.keyboard.press("Escape")
    shop.page.locator("#letters a").first.click()
    shop.press("Send again")
    expect(shop.page.locator("#outcome")).to_be_visible()
    check(shop, ONE)
    expect(shop.page.locator("#value-faults")).to_be_hidden()


def check(shop: Shop, texts: list[str]) -> None:
    """On a screen and on the narrowest phone."""
    for width in (1280, 320):
        shop.page.set_viewport_size({"width": width, "height": 812})
        assert shop.too_wide() == []
    assert shop.unreadable(texts) == {}
    shop.check_names()
