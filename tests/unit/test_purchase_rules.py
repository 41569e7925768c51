"""The rules of a purchase at the door, and that what passes comes through the envelope unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm_api.domains.purchases.projection import to_document
from cm_api.sort_keys import moment_of, order_key
from cm_server.commands.batches import split
from cm_server.domains.purchases import parse, to_record
from shop_core.errors import InvalidInput
from shop_core.events.envelope import Message, decode, encode
from shop_core.events.purchases import DOMAIN, PURCHASE_MADE
from shop_core.http.problems import status_of

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
GOOD = {"username": "ada", "userid": "ada-1", "price": "1195.30"}
names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=128).filter(str.isprintable)
prices = st.one_of(
    st.integers(0, 10**12 - 1).map(str),
    st.integers(0, 10**12 - 1).map(lambda cents: f"{cents // 100}.{cents % 100:02d}"),
)
instants = st.datetimes(datetime(1, 1, 2), datetime(2026, 11, 21)).map(lambda naive: naive.replace(tzinfo=UTC))


def body(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


@given(names, names, prices, instants)
def test_what_passes_the_door_comes_out_of_the_log_as_it_went_in(
    username: str, userid: str, price: str, at: datetime
) -> None:
    sent = body(username=username, userid=userid, price=price, timestamp=at.isoformat())
    record = to_record(parse(sent, NOW), "id-1", NOW, may_repeat=True)
    event = decode(DOMAIN, Message(record.topic, 3, 7, record.key, record.value, record.headers))
    assert (event.data.username, event.data.userid, event.data.price) == (username, userid, price)
    assert event.data.timestamp == at
    assert record.key == userid.encode()
    stored = to_document(event)
    assert str(stored["price"]) == str(Decimal(price))
    assert moment_of(stored["order"]) == at
    assert event.receipt == "shop.purchases-3-7"


@pytest.mark.parametrize("price", ["0", "0.00", "19.9", "999999999999", "9999999999.99"])
def test_a_price_comes_back_as_it_was_written(price: str) -> None:
    assert parse(body(price=price), NOW)[0].price == price
    number = f'{{"username":"a","userid":"b","price":{price}}}'.encode()
    assert parse(number, NOW)[0].price == price


@pytest.mark.parametrize(
    "price", ["", "-1", "1.234", "1e3", "NaN", "Infinity", " 1", "1 ", "1,5", "007", "1_000", ".5", "5.", "１",
              "1000000000000", "99999999999.99", "12\n", None, True, [], {}, -0.5, 1e30]
)  # fmt: skip
def test_a_price_that_is_none_is_refused_by_name(price: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body(price=price), NOW)
    assert refused.value.faults[0].field == "price"


@pytest.mark.parametrize("field", ["username", "userid"])
@pytest.mark.parametrize("text", ["", "x" * 129, "a\tb", "a\u0000b", "a\u2028b", "\u202eab", "\n", 5, None])
def test_a_name_that_is_none_is_refused_by_name(field: str, text: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body(**{field: text}), NOW)
    assert refused.value.faults[0].field == field


@pytest.mark.parametrize("missing", ["username", "userid", "price"])
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(json.dumps({k: v for k, v in GOOD.items() if k != missing}).encode(), NOW)
    assert refused.value.faults[0].field == missing


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body(colour="red"), NOW)
    assert refused.value.faults[0].field == "colour"


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", 17, "", (NOW + timedelta(days=1, seconds=1)).isoformat()])
def test_a_timestamp_that_is_none_or_too_far_ahead_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(body(timestamp=text), NOW)
    assert refused.value.faults[0].field == "timestamp"


def test_a_timestamp_without_a_zone_is_utc_and_none_is_now() -> None:
    assert parse(body(timestamp="2026-11-21T08:00:00"), NOW)[0].timestamp == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert parse(body(timestamp="2026-11-21T10:00:00+02:00"), NOW)[0].timestamp == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert parse(body(), NOW)[0].timestamp == NOW


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b'{"price": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(payload, NOW)
    assert status_of(refused.value) in (400, 422)


def test_the_digest_tells_bodies_apart_but_not_the_servers_clock() -> None:
    later = NOW + timedelta(hours=1)
    assert parse(body(), NOW)[1] == parse(body(), later)[1]
    assert parse(body(), NOW)[1] != parse(body(price="1"), NOW)[1]


@given(st.lists(st.tuples(instants, st.uuids().map(str)), min_size=2, max_size=20))
def test_order_keys_sort_by_moment_then_id(pairs: list[tuple[datetime, str]]) -> None:
    assert sorted(pairs) == sorted(pairs, key=lambda pair: order_key(*pair))


def test_a_batch_is_an_array_or_lines() -> None:
    assert split(b'[{"a":1}, {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert split(b'{"a":1}\n\n{"b":2}\n') == [b'{"a":1}', b'{"b":2}']
    for bad in (b"", b"[]", b"\n", b"{}\n" * 1001):
        with pytest.raises(InvalidInput):
            split(bad)


@pytest.mark.parametrize(
    ("header", "value", "field"),
    [
        ("ce_specversion", b"0.3", "ce_specversion"),
        ("ce_type", b"shop.purchase.made.v9", "ce_type"),
        ("ce_time", b"soon", "ce_time"),
        ("ce_id", b"", "ce_id"),
        ("ce_id", b"\xff", "ce_id"),
    ],
)
def test_a_header_at_fault_is_named(header: str, value: bytes, field: str) -> None:
    data, _ = parse(body(), NOW)
    record = encode(DOMAIN, PURCHASE_MADE, data, key="k", id="id-1", time=NOW)
    headers = tuple((name, value if name == header else old) for name, old in record.headers)
    with pytest.raises(InvalidInput) as refused:
        decode(DOMAIN, Message(record.topic, 0, 0, record.key, record.value, headers))
    assert refused.value.faults[0].field == field
