"""What a dead letter may hold, and what `shopctl dlq` makes of it: no traceback, no control sequence, no bad JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.events.envelope import Headers, Message
from shopctl.letters import Letter, counted, domain_of, letter_of
from shopctl.listing import as_object, print_letter, row_of
from shopctl.mending import successor
from shopctl.terminal import as_json, escaped

PURCHASES = DOMAINS["purchases"]
GOOD = {"username": "Ada", "userid": "ada-1", "price": "2.50", "timestamp": "2026-11-26T09:00:00Z"}
EVENT: Headers = (
    ("ce_id", b"e-1"),
    ("ce_type", b"shop.purchase.made.v1"),
    ("ce_source", b"/till"),
    ("ce_specversion", b"1.0"),
    ("ce_time", b"2026-11-26T09:00:00Z"),
)
SOURCE: Headers = (
    ("dlq_reason", b"price: must be a decimal"),
    ("dlq_topic", b"shop.purchases"),
    ("dlq_partition", b"7"),
    ("dlq_offset", b"12"),
    ("dlq_time", b"2026-11-26T09:00:01+00:00"),
)
NASTY = "\x1b[2J\x1b]0;owned\x07 \x9b31m \x7f \r\n \u202egnp.exe \u2066 \u2028 \ufeff \u200e \U000e0041"
HEADERS: dict[str, Headers] = {
    "null": (("x-trace", None),),
    "no UTF-8": (("x", b"\xff\xfe\x80"),),
    "control sequences in the value": (("x", NASTY.encode()),),
    "control sequences in the name": ((NASTY, b"v"),),
    "half a pair in the name": (("a\ud800", b"v"),),
    "no name": (("", b""),),
    "very long": (("n" * 100_000, b"v" * 1_000_000),),
    "the letter's own names": (("dlq_topic", b"shop.catalog"), ("dlq_offset", b"\xff"), ("dlq_reason", None)),
    "null where the event has its own": (("ce_id", None), ("ce_type", None)),
    "a type of control sequences": (("ce_type", NASTY.encode()),),
    "a reason of control sequences": (("dlq_reason", NASTY.encode()), ("dlq_time", NASTY.encode())),
}
VALUES: dict[str, bytes | None] = {
    "tombstone": None,
    "nothing": b"",
    "no JSON": b"not JSON",
    "no UTF-8": b"\xff\xfe\x00",
    "half a pair": b'{"username":"\\ud800","userid":"ada-1","timestamp":"2026-11-26T09:00:00Z"}',
    "NUL": b'{"username":"a\\u0000b","x":"\x00"}',
    "control sequences": json.dumps({"username": NASTY}, ensure_ascii=False).encode(),
    "control sequences in a name": json.dumps({NASTY: 1, **GOOD}, ensure_ascii=False).encode(),
    "3 MB": b'{"username":"' + b"a" * 3_000_000 + b'"}',
    "deep": b'{"username":' + b"[" * 200_000,
    "deep and closed": b'{"username":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "NaN": b'{"price":NaN,"username":Infinity}',
    "a huge number": b'{"price":' + b"9" * 10_000 + b"}",
    "a huge exponent": b'{"price":1e400}',
    "an array": b"[1,2]",
    "UTF-16": '{"price":"5"}'.encode("utf-16"),
}


def letter(value: bytes | None, *headers: tuple[str, bytes | None], key: bytes | None = b"ada-1") -> Letter:
    return letter_of(PURCHASES, Message("shop.purchases.dlq", 0, 3, key, value, (*EVENT, *SOURCE, *headers)))


def assert_printable(text: str) -> None:
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) <= {"\n", "\u200c", "\u200d"}
    text.encode()


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("key", [None, b"", b"\xff", NASTY.encode(), b"k" * 100_000])
def test_any_header_and_key_can_be_looked_at(headers: Headers, key: bytes | None, capsys: Any) -> None:
    odd = letter(b"{}", *headers, key=key)
    for line in row_of(odd):
        assert_printable(line)
    print_letter(odd)
    assert_printable(capsys.readouterr().out)
    line = as_json(as_object(odd, None))
    assert_printable(line)
    assert json.loads(line)["receipt"] == odd.source
    assert domain_of(odd.source) is PURCHASES


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_any_value_can_be_looked_at_and_is_mended_or_refused_in_a_sentence(value: bytes | None, capsys: Any) -> None:
    odd = letter(value)
    print_letter(odd)
    assert_printable(capsys.readouterr().out)
    for changes in ([], ["price=5"], ["price=\udcff"], [f"{NASTY}=1"], ["price=" + "9" * 10_000]):
        with pytest.raises(ConfigError) as told:
            successor(odd, changes)
        assert_printable(escaped(str(told.value)))
        assert len(str(told.value)) < 1000
    whole = [f"{name}={text}" for name, text in GOOD.items()]
    if value != VALUES["control sequences in a name"]:  # a field that is not known stays, and is refused
        record = successor(odd, whole)
        assert json.loads(record.value or b"") == GOOD


def test_half_a_pair_in_the_field_that_is_mended_is_gone_and_the_others_stay() -> None:
    record = successor(letter(VALUES["half a pair"]), ["username=Ada", "price=2.50"])
    assert json.loads(record.value or b"") == GOOD


def test_the_value_by_hand_takes_the_place_of_any_other() -> None:
    record = successor(letter(None), [], json.dumps(GOOD).encode())
    assert json.loads(record.value or b"") == GOOD
    assert dict(record.headers)["ce_redriven"] == b"shop.purchases-7-12"
    assert record.topic == "shop.purchases" and record.key == b"ada-1"
    assert not [name for name, _ in record.headers if name.startswith("dlq_")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [(["nosuch=5"], "nosuch: is not a known field"), (["price=-1"], "price"), ([], "price: is required")],
)
def test_what_the_consumer_would_refuse_is_not_sent(changes: list[str], words: str) -> None:
    without_price = {name: text for name, text in GOOD.items() if name != "price"}
    value = json.dumps(without_price if not changes else GOOD).encode()
    with pytest.raises(ConfigError, match=words):
        successor(letter(value), changes)


def test_a_header_that_no_set_can_mend_is_named() -> None:
    with pytest.raises(ConfigError, match="ce_id"):
        successor(letter(json.dumps(GOOD).encode(), ("ce_id", None)), [])


@pytest.mark.parametrize(
    "cut",
    [
        (("dlq_cut", b"true"), ("dlq_length", b"3000011"), ("dlq_sha256", b"ab12")),
        (("dlq_cut", b"headers,value"), ("dlq_value_length", b"3000011"), ("dlq_value_sha256", b"ab12")),
    ],
)
def test_a_letter_that_was_cut_says_so_and_asks_for_the_whole(cut: Headers, capsys: Any) -> None:
    kept = json.dumps(GOOD).encode()[:20]
    short = letter(kept, *cut, ("dlq_class", b"permanent"))
    print_letter(short)
    shown = capsys.readouterr().out
    assert "value: 20 of 3000011 bytes" in shown and "ab12" in shown and "class:    permanent" in shown
    assert "value" in as_object(short, None)["cut"]
    for changes in ([], ["price=5"]):
        with pytest.raises(ConfigError, match=r"20 of 3000011 bytes.*--value FILE"):
            successor(short, changes)
    assert successor(short, [], json.dumps(GOOD).encode())


def test_a_letter_whose_key_was_cut_has_no_way_back() -> None:
    with pytest.raises(ConfigError, match="its key was cut"):
        successor(letter(json.dumps(GOOD).encode(), ("dlq_cut", b"key")), [], json.dumps(GOOD).encode())


def test_what_an_event_says_of_itself_in_the_consumers_words_does_not_count() -> None:
    forged: Headers = (("dlq_cut", b"true"), ("dlq_topic", b"shop.catalog"), ("dlq_reason", b"none"))
    message = Message("shop.purchases.dlq", 0, 3, b"k", json.dumps(GOOD).encode(), (*EVENT, *forged, *SOURCE))
    honest = letter_of(PURCHASES, message)
    assert (honest.source, honest.cut) == ("shop.purchases-7-12", {})
    assert successor(honest, [])


def test_a_letter_of_a_stranger_is_named_by_its_own_place() -> None:
    strange = letter_of(PURCHASES, Message("shop.purchases.dlq", 0, 3, None, b"hi", ()))
    assert strange.source == "shop.purchases.dlq-0-3"
    assert domain_of(strange.source) is PURCHASES
    forged = letter_of(PURCHASES, Message("shop.purchases.dlq", 0, 4, None, None, (("dlq_topic", b"shop.catalog"),)))
    assert forged.source == "shop.purchases.dlq-0-4"


def test_letters_of_one_event_are_counted() -> None:
    again = letter_of(PURCHASES, Message("shop.purchases.dlq", 0, 4, None, b"", (*EVENT, *SOURCE[:3])))
    assert [each.count for each in counted([letter(b""), again])] == [2, 2]


@pytest.mark.parametrize("name", ["علی‌رضا", "山田　太郎", "Žofie", "🧑‍💻", "Zoë"])
def test_names_that_people_have_are_shown_as_they_are(name: str) -> None:
    assert escaped(name) == name
