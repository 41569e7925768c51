"""One answer names every field at fault, in words that customers know; and the text of names."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm_server.commands.batches import split
from cm_server.domains import campaigns, catalog
from cm_server.domains.analytics import InteractionRequest
from cm_server.domains.purchases import BuyRequest, parse, to_record
from shop_core.errors import InvalidInput
from shop_core.events.envelope import Message, decode
from shop_core.events.fields import TEXT_PATTERN, check_text
from shop_core.events.purchases import DOMAIN, PurchaseMade
from shop_core.events.reading import decode_json
from shop_core.http.problems import status_of

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
GOOD = {"username": "ada", "userid": "ada-1", "price": "1195.30"}
REFUSED = [
    *range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
]  # fmt: skip
people = st.text(st.characters(blacklist_characters=[chr(code) for code in REFUSED]), min_size=1, max_size=128)


def faults(body: Any, struct: Any = BuyRequest) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        decode_json(body if isinstance(body, bytes) else json.dumps(body).encode(), struct, NOW)
    told = [(fault.field, fault.detail) for fault in refused.value.faults]
    assert len(told) == len(set(told)), "nothing is told twice"
    for _, detail in told:
        assert not any(word in detail for word in ("xpected", "`", "int", "str ", "null", "length")), detail
    return dict(told)


@pytest.mark.parametrize(
    ("body", "struct", "fields"),
    [
        ({}, BuyRequest, {"username", "userid", "price"}),
        (GOOD | {"username": "", "userid": 5, "price": "x", "timestamp": "soon", "productid": "a\0", "colour": 1},
         BuyRequest, {"username", "userid", "price", "timestamp", "productid", "colour"}),
        ({"price": None, "timestamp": "2999-01-01T00:00:00Z"}, BuyRequest,
         {"username", "userid", "price", "timestamp"}),
        ({"username": None, "userid": ["a"], "price": {}}, BuyRequest, {"username", "userid", "price"}),
        ({"name": "", "price": 1.999, "tags": ["a", ""], "description": 5, "colour": 1}, catalog.ProductRequest,
         {"name", "price", "tags", "description", "colour"}),
        ({"name": "x" * 129, "price": "5.", "tags": "a"}, catalog.ProductPatch, {"name", "price", "tags"}),
        ({"rating": 7, "text": "x" * 65_537, "lastName": "\u202e", "timestamp": 5}, catalog.ReviewRequest,
         {"userid", "rating", "text", "firstName", "lastName", "timestamp"}),
        ({"name": "x" * 201, "startDate": "2026/11/21 00:00:00", "endDate": "2026-11-20T00:00:00Z"},
         campaigns.CampaignRequest, {"name", "endDate"}),
        ({"startDate": "01.02.2027", "endDate": 5}, campaigns.CampaignRequest, {"name", "startDate", "endDate"}),
        ({"name": "a", "campaignEventId": "a b", "startDate": "2026-11-26T09:00:60Z"}, campaigns.EventRequest,
         {"campaignEventId", "startDate", "endDate"}),
        ({"kind": "clik", "timestamp": 1795690161}, InteractionRequest, {"user", "kind", "timestamp"}),
        (GOOD | {"price": "x", "timestamp": "soon", "colour": 1}, PurchaseMade, {"price", "timestamp", "colour"}),
    ],
)  # fmt: skip
def test_every_field_at_fault_is_named(body: Any, struct: Any, fields: set[str]) -> None:
    assert set(faults(body, struct)) == fields


def test_limits_are_in_the_sentence() -> None:
    told = faults({"userid": "x" * 129, "rating": 0, "displayName": 5}, catalog.ReviewRequest)
    assert told == {
        "userid": "must be 1 to 128 characters, has 129",
        "rating": "must be a whole number from 1 to 5",
        "displayName": "must be a string of 1 to 128 characters",
    }
    assert faults({"user": "u", "timestamp": 1795690161000}, InteractionRequest) == {"kind": "is required"}
    assert "20" in faults({"name": "a", "price": "1", "tags": ["x"] * 21}, catalog.ProductRequest)["tags"]
    assert faults({"name": "a", "price": "1", "tags": ["x", "\n"]}, catalog.ProductRequest)["tags"].startswith("item 2")


@pytest.mark.parametrize("wrong", ["userId", "userID", "user_id", "usserid", "UserId"])
def test_a_misspelt_field_is_told_what_was_meant(wrong: str) -> None:
    told = faults({"username": "a", "price": "1", wrong: "b"})
    assert told == {"userid": "is required", wrong: "is not a known field; did you mean userid?"}


@pytest.mark.parametrize(
    ("payload", "status"),
    [(b"", 400), (b"{", 400), (b'{"colour":1', 400), (b'{"username":5}x', 400), (b"\xff", 400), (b"[]", 422),
     (b'{"username":"\xff"}', 400), (b'{"username":NaN}', 400), (b"null", 422), (b'"\\ud800"', 422),
     (b"[" * 99999, 422)],
)  # fmt: skip
def test_what_is_no_object_is_a_fault_of_the_body(payload: bytes, status: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_json(payload, BuyRequest, NOW)
    assert (refused.value.faults[0].field, status_of(refused.value)) == ("body", status)
    assert [fault.field for fault in refused.value.faults[1:]] == (["username"] if b":5" in payload else [])


@pytest.mark.parametrize("half", [r"\ud800", r"a\udc00b", r"\ud83d", r"\uDFFF", r"\ud800\ud800"])
def test_half_a_character_is_a_fault_of_its_field(half: str) -> None:
    body = f'{{"username":"{half}","userid":"\\ud83d\\ude00","price":"\\u0031","timestamp":"soon"}}'
    assert set(faults(body.encode())) == {"username", "timestamp"}
    assert len(faults(b'{"username":"a","userid":"b","price":"1","%s":1}' % half.encode())) == 1
    escaped = half.replace("\\", "\\\\")
    assert parse(f'{{"username":"{escaped}","userid":"b","price":"1"}}'.encode(), NOW)[0].username == half
    array = f'[{{"a":1}},{{"b":"{half}"}}]'.encode()
    assert split(array)[0] == b'{"a":1}'


def test_a_byte_order_mark_before_a_body_is_skipped() -> None:
    body = json.dumps(GOOD).encode()
    assert parse(b"\xef\xbb\xbf" + body, NOW) == parse(body, NOW)
    assert split(b'\xef\xbb\xbf{"a":1}\n{"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert split(b'\xef\xbb\xbf [{"a":1}]') == [b'{"a":1}']


def test_a_price_with_escapes_is_the_string_that_it_stands_for() -> None:
    for written in (r'"\u0031\u0039.5"', r'"1\u0039\u002e5"', '"19.5"', "19.5"):
        assert parse(b'{"username":"a","userid":"b","price":%s}' % written.encode(), NOW)[0].price == "19.5"
    for wrong in (r'"\u0661"', r'"1\u0000"', r'"\n1"', "1e2", "-0", "true"):
        with pytest.raises(InvalidInput):
            parse(b'{"username":"a","userid":"b","price":%s}' % wrong.encode(), NOW)


@given(people, people)
def test_a_name_that_people_have_comes_through_unchanged(username: str, userid: str) -> None:
    sent = json.dumps(GOOD | {"username": username, "userid": userid}).encode()
    record = to_record(parse(sent, NOW), "id-1", NOW, may_repeat=False)
    event = decode(DOMAIN, Message(record.topic, 0, 0, record.key, record.value, record.headers))
    assert (event.data.username, event.data.userid) == (username, userid)


@pytest.mark.parametrize(
    "name",
    [
        "علی‌رضا",
        "山田　太郎",
        "क्‍ष",
        "👩‍👩‍👧‍👦",
        "é",
        "e\u0301",
        "\ue000",
        "\u0378",
        "\U000e0001",
        "\ufeffA",
        "a\u200eb",
        "\u00a0",
        " ",
    ],
)
def test_names_as_they_are_written(name: str) -> None:
    assert check_text("name", name) == name


def test_what_is_refused_is_the_same_on_every_version_of_python() -> None:
    for code in REFUSED:
        with pytest.raises(InvalidInput, match=f"U\\+{code:04X}"):
            check_text("name", f"a{chr(code)}b")
    by_category = {code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")}
    bidi = {code for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in BIDI}
    assert by_category | bidi == set(REFUSED)


BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def test_the_schema_says_the_same_of_every_character() -> None:
    pattern = re.compile(TEXT_PATTERN.strip("^$"))
    told = {code for code in range(0x110000) if not pattern.fullmatch(f"a{chr(code)}b")}
    assert told | set(range(0xD800, 0xE000)) == set(REFUSED), "JSON in UTF-8 holds no surrogates"
