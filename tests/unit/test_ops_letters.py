"""What is told of dead letters, made of values alone: state, filters, groups, pages, chains, and bytes of strangers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from cm_ops import letters
from cm_ops.letter_book import Line, line_of
from cm_ops.letter_content import content
from cm_ops.letters import Wanted
from shop_core.errors import InvalidInput
from shop_core.events.envelope import Message
from shop_core.events.purchases import DOMAIN
from shop_core.http.problems import status_of
from shop_core.mongo.letter_notes import Note
from shop_core.responses.dead_letters import DeadLetter

TYPE = "shop.purchase.made.v1"


def line(number: int, *, reason: str = "price: 'x' is no price", event: str = "", redriven_of: str = "") -> Line:
    """The letter of offset `number`, refused in that second of an hour."""
    headers = {"ce_id": event or f"e{number}", "ce_type": TYPE}
    headers |= {"ce_redriven": redriven_of} if redriven_of else {}
    headers |= {"dlq_reason": reason, "dlq_class": "rejected", "dlq_topic": DOMAIN.topic}
    headers |= {"dlq_partition": "0", "dlq_offset": str(number), "dlq_time": f"2026-01-01T00:00:{number:02}+00:00"}
    named = tuple((name, text.encode()) for name, text in headers.items())
    return line_of(DOMAIN, Message(DOMAIN.dlq, 0, number, b"ada", b"secret", named))


def told(*lines: Line, notes: dict[str, Note] | None = None) -> dict[str, DeadLetter]:
    return letters.told({each.letter.source: each for each in lines}, notes or {})


def receipt(number: int) -> str:
    return f"{DOMAIN.topic}-0-{number}"


def test_a_line_holds_nothing_of_what_a_letter_says() -> None:
    assert "secret" not in repr(line(1)) and "ada" not in repr(line(1))
    assert "ada" not in msgspec.json.encode(told(line(1))[receipt(1)]).decode()


def test_letters_are_told_newest_first_with_what_became_of_them() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    notes = {
        receipt(1): Note("redriven shop.purchases-0-9", "ada", at, None, None),
        receipt(2): Note("discarded", "bob", at, "nothing to save", None),
        receipt(3): Note(None, "ada", None, None, "shop.purchases-0-8"),
    }
    found = told(*(line(number) for number in range(1, 5)), notes=notes)
    assert list(found) == [receipt(number) for number in (4, 3, 2, 1)]
    assert [each.state for each in found.values()] == ["open", "sent", "discarded", "redriven"]
    assert [each.successor for each in found.values()] == [None, "shop.purchases-0-8", None, "shop.purchases-0-9"]
    assert (found[receipt(2)].by, found[receipt(2)].note) == ("bob", "nothing to save")
    assert found[receipt(1)].done_at == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), [3, 2, 1]),
        (Wanted(state="discarded"), []),
        (Wanted(domain="catalog"), []),
        (Wanted(type="another"), []),
        (Wanted(reason="PRICE"), [2, 1]),
        (Wanted(since="2026-01-01T00:00:02Z"), [3, 2]),
        (Wanted(since="2026-01-01T00:00:02Z", until="2026-01-01T00:00:03Z"), [2]),
    ],
)
def test_letters_are_chosen_by_what_is_said_of_them(wanted: Wanted, numbers: list[int]) -> None:
    found = told(line(1), line(2), line(3, reason="userid: is required"))
    assert [each.receipt for each in found.values() if wanted.takes(each)] == [receipt(number) for number in numbers]


def test_letters_that_differ_by_names_and_numbers_are_one_group() -> None:
    reasons = ("price: '-7' is no price", "price: 'x' is no price", "userid: is required")
    largest, other = letters.groups(told(*(line(n, reason=each) for n, each in enumerate(reasons))).values())
    assert (largest.reason, largest.count, largest.receipt) == ("price: … is no price", 2, receipt(1))
    assert (largest.first, largest.last) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    assert (other.count, other.type) == (1, TYPE)


def test_those_of_one_group_are_chosen_by_one_of_them() -> None:
    reasons = ("price: '-7' is no price", "price: 'x' is no price", "price: 'x' is no price, and more")
    found = told(*(line(n, reason=each) for n, each in enumerate(reasons)))
    named = [each.receipt for each in letters.chosen(found, Wanted(like=receipt(0)))]
    assert named == [receipt(1), receipt(0)]
    assert not list(letters.chosen(found, Wanted(like=receipt(0), domain="catalog")))
    with pytest.raises(InvalidInput) as refused:
        letters.chosen(found, Wanted(like=receipt(9)))
    assert (status_of(refused.value), refused.value.faults[0].field) == (404, "like")


def test_pages_follow_each_other_and_end() -> None:
    every = list(told(*(line(number) for number in range(5))).values())
    seen, at = [], None
    while True:
        page = letters.page(every, 2, at)
        seen += [each.receipt for each in page.letters]
        assert page.total == 5
        if page.next is None:
            break
        at = letters.place_in(page.next)
    assert seen == [each.receipt for each in every]


def test_a_page_goes_on_behind_a_letter_that_somebody_dealt_with_meanwhile() -> None:
    every = list(told(*(line(number) for number in range(5))).values())
    first = letters.page(every, 2)
    assert first.next
    left = [each for each in every if each.receipt != first.letters[-1].receipt]
    found = letters.page(left, 9, letters.place_in(first.next))
    assert [each.receipt for each in found.letters] == [each.receipt for each in every[2:]]


@pytest.mark.parametrize("text", ["", "x", receipt(1), f"yesterday/{receipt(1)}", "2026-01-01T00:00:00Z/x", "/"])
def test_a_cursor_is_the_next_of_a_page(text: str) -> None:
    with pytest.raises(InvalidInput) as told:
        letters.place_in(text)
    assert (status_of(told.value), told.value.faults[0].field) == (400, "cursor")


def test_a_letter_names_those_that_its_event_had_before_and_since() -> None:
    found = told(line(1), line(2, event="e1", redriven_of=receipt(1)), line(3, event="e1", redriven_of=receipt(2)))
    assert [each.receipt for each in letters.chain(found, found[receipt(3)])] == [receipt(1), receipt(2)]
    assert {each.count for each in found.values()} == {3}
    again = told(*(line(n, event="e1", redriven_of=receipt(n // 2) if n > 1 else "") for n in range(1, 6)))
    assert [each.receipt for each in letters.later(again, again[receipt(1)])] == [receipt(n) for n in range(2, 6)]
    assert [each.receipt for each in letters.later(again, again[receipt(2)])] == [receipt(4), receipt(5)]
    round_about = told(line(1, redriven_of=receipt(2)), line(2, redriven_of=receipt(1)))
    assert len(letters.chain(round_about, round_about[receipt(1)])) == 1
    assert len(letters.later(round_about, round_about[receipt(1)])) == 1


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"a":[1]}', {"json": {"a": [1]}}),
        (b"[" * 10_000, {"text": "[" * 10_000}),
        (b"ada-1", {"text": "ada-1"}),
        (b"\xff\x00", {"hex": "ff00"}),
        (b"", {"text": ""}),
    ],
)
def test_bytes_of_strangers_are_json_text_or_digits(raw: bytes, shown: dict[str, object]) -> None:
    assert json.loads(msgspec.json.encode(content(raw))) == {"size": len(raw), **shown}
    assert content(None) is None
