"""Moments as text: the grammar against a plain second reader of it, the digits that go back, and the bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm_api.sort_keys import is_order, moment_of, order_as_sent, order_key
from cm_server.domains.analytics import InteractionRequest
from cm_server.domains.purchases import parse
from shop_core.errors import InvalidInput
from shop_core.events.analytics import DOMAIN as ANALYTICS
from shop_core.events.analytics import INTERACTION_RECORDED, read_milliseconds
from shop_core.events.envelope import Message, decode
from shop_core.events.instants import LEAP_SECOND, Instant, format_instant, parse_instant
from shop_core.events.purchases import DOMAIN as PURCHASES
from shop_core.events.purchases import PURCHASE_MADE
from shop_core.events.reading import decode_json
from shop_core.http.problems import status_of

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def reference(text: str) -> datetime | None:
    """The same grammar, letter by letter: what each place must be, and then a calendar by addition."""

    def number(part: str, width: int, low: int, high: int) -> int:
        if len(part) != width or any(letter not in "0123456789" for letter in part):
            raise ValueError(part)
        if not low <= int(part) <= high:
            raise ValueError(part)
        return int(part)

    try:
        date, rest = text[:10], text[10:]
        year, month = number(date[:4], 4, 1, 9999), number(date[5:7], 2, 1, 12)
        day = number(date[8:], 2, 1, 31)
        if (date[4], date[7]) != ("-", "-") or (rest and rest[0] not in "Tt "):
            return None
        at = datetime(year, month, day, tzinfo=UTC)
        if not rest:
            return at
        hour, minute, second = number(rest[1:3], 2, 0, 23), number(rest[4:6], 2, 0, 59), number(rest[7:9], 2, 0, 59)
        if (rest[3], rest[6]) != (":", ":"):
            return None
        at += timedelta(hours=hour, minutes=minute, seconds=second)
        rest = rest[9:]
        if rest.startswith("."):
            fraction = rest[1:].rstrip("Zz") if rest[-1] in "Zz" else rest[1:].split("+")[0].split("-")[0]
            number(fraction, len(fraction) or 1, 0, 10 ** len(fraction))
            at += timedelta(microseconds=int((fraction + "000000")[:6]))
            rest = rest[1 + len(fraction) :]
        if rest in ("", "Z", "z"):
            return at
        if rest[0] not in "+-" or rest[3] != ":":
            return None
        offset = timedelta(hours=number(rest[1:3], 2, 0, 23), minutes=number(rest[4:], 2, 0, 59))
        return at - offset if rest[0] == "+" else at + offset
    except (ValueError, IndexError, OverflowError):
        return None


def read(text: str) -> Instant | None:
    try:
        return parse_instant("at", text)
    except InvalidInput as error:
        assert error.faults[0].field == "at"
        return None


parts = st.tuples(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda at: at.strftime("%m-%dx%H:%M:%S")),
    st.integers(1, 9999),
    st.sampled_from("Tt "),
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=12).map(lambda digits: f".{digits}")),
    st.one_of(
        st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+14:00", "-12:00", "+23:59", "+24:00", "+05:60"]),
        st.tuples(st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)).map(
            lambda zone: f"{zone[0]}{zone[1]:02}:{zone[2]:02}"
        ),
    ),
)
texts = parts.map(lambda p: f"{p[1]:04}-{p[0].replace('x', p[2])}{p[3]}{p[4]}")


@st.composite
def near_misses(draw: Any) -> str:
    """A moment with one letter taken out, put in or changed."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    letter = draw(st.one_of(st.sampled_from("0123456789:-+.TZtz W,\n٣"), st.just("")))
    return str(text[:at] + letter + text[at + draw(st.integers(0, 1)) :])


@given(st.one_of(texts, near_misses(), st.text(max_size=40)))
def test_the_grammar_is_what_a_second_reader_of_it_reads(text: str) -> None:
    assert read(text) == reference(text)


@given(st.one_of(texts, near_misses()))
def test_event_data_and_the_door_take_the_same(text: str) -> None:
    sent = json.dumps({"username": "a", "userid": "b", "price": "1", "timestamp": text}).encode()
    outcomes: list[Any] = []
    for take in (lambda: parse(sent, NOW)[0].timestamp, lambda: event(sent, recorded=NOW_MS).data.timestamp):
        try:
            outcomes.append((found := take(), found.digits))
        except InvalidInput as error:
            outcomes.append([(fault.field, fault.detail) for fault in error.faults])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "text",
    ["2026-W48-4", "2026-W48-4T09:00:00Z", "2026-331", "20261126", "20261126T090000Z", "2026-11-26T09:00:00+05:30:15",
     "2026-11-26T09:00:00+0530", "2026-11-26T09:00:00+05", "2026-11-26T09:00:00,5Z", "2026-11-26T09:00:00.Z",
     "2026-11-26T09Z", "2026-11-26T09:00Z", "2026-11-26T24:00:00Z", "2026-11-26_09:00:00Z", "2026-11-26T09:00:00 Z",
     "2026-11-26T09:00:00Z\n", "2026-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "+2026-11-26T09:00:00Z", "1795690161",
     "2026-11-26Z", "２０２６-11-26T09:00:00Z", "", "now"],
)  # fmt: skip
def test_what_is_no_moment_by_rfc_3339(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2016-12-31t23:59:60.5z", "2026-11-26T09:00:60+01:00"])
def test_a_leap_second_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(InvalidInput, match=LEAP_SECOND):
        parse_instant("at", text)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2026-11-26T09:00:00Z", "2026-11-26T09:00:00Z"),
        ("2026-11-26T09:00:00.204Z", "2026-11-26T09:00:00.204Z"),
        ("2026-11-26T09:00:00.000Z", "2026-11-26T09:00:00.000Z"),
        ("2026-11-26T09:00:00.500Z", "2026-11-26T09:00:00.500Z"),
        ("2026-11-26T09:00:00.123456Z", "2026-11-26T09:00:00.123456Z"),
        ("2026-11-26T09:00:00.120000Z", "2026-11-26T09:00:00.120000Z"),
        ("2026-11-26T09:00:00.000000Z", "2026-11-26T09:00:00.000000Z"),
        ("2026-11-26T09:00:00.5z", "2026-11-26T09:00:00.500Z"),
        ("2026-11-26T09:00:00.1234", "2026-11-26T09:00:00.123400Z"),
        ("2026-11-26T09:00:00.123456789Z", "2026-11-26T09:00:00.123456Z"),
        ("2026-11-26T09:00:00.9999999Z", "2026-11-26T09:00:00.999999Z"),
        ("2026-11-26T11:00:00.000+02:00", "2026-11-26T09:00:00.000Z"),
        ("2026-11-26", "2026-11-26T00:00:00Z"),
    ],
)
def test_a_moment_goes_back_in_the_digits_that_it_came_in(sent: str, answered: str) -> None:
    assert format_instant(parse_instant("at", sent)) == answered
    at = event(value(timestamp=sent), recorded=NOW_MS).data.timestamp
    key = order_as_sent(at, "id-1")
    assert is_order(key)
    assert format_instant(moment_of(key)) == answered


@given(texts.map(read).filter(bool), st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=128))
def test_keys_sort_as_before_whatever_the_digits(at: Instant, id: str) -> None:
    plain, sent = order_key(at, id), order_as_sent(at, id)
    assert sent.startswith(plain)
    assert (moment_of(sent), moment_of(plain)) == (at, at)
    assert order_key(at, "") < sent < order_key(at + timedelta(microseconds=1), "") if at.year < 9999 else True
    assert is_order(sent)


@pytest.mark.parametrize("text", ["٣" * 18 + "-x", "9" * 18 + "-x", "1" * 18 + "-", "1" * 18 + "-x\x1f7", "1" * 18])
def test_what_is_no_key_is_no_cursor(text: str) -> None:
    assert not is_order(text)


def test_a_moment_of_ours_has_as_few_digits_as_tell_all_of_it() -> None:
    for microsecond, end in ((0, "00Z"), (204000, "00.204Z"), (204001, "00.204001Z")):
        assert format_instant(NOW.replace(microsecond=microsecond)).endswith(f"09:00:{end}")


def value(**changes: object) -> bytes:
    return json.dumps(
        {"username": "a", "userid": "b", "price": "1", "timestamp": "2026-11-26T09:00:00Z"} | changes
    ).encode()


def event(data: bytes, *, recorded: int, time: str = "2026-11-26T09:00:00Z", domain: Any = PURCHASES) -> Any:
    type_ = PURCHASE_MADE if domain is PURCHASES else INTERACTION_RECORDED
    headers = {"ce_id": "id-1", "ce_type": type_, "ce_source": "/till/1", "ce_specversion": "1.0", "ce_time": time}
    message = Recorded(domain.topic, 0, 0, b"k", data, tuple((name, text.encode()) for name, text in headers.items()))
    object.__setattr__(message, "timestamp", recorded)
    return decode(domain, message)


class Recorded(Message):
    """A message that knows when its broker took it."""


@pytest.mark.parametrize(
    ("recorded", "time", "timestamp", "field"),
    [
        (NOW_MS, "2026-11-26T09:00:00Z", "2026-11-27T09:00:00Z", None),
        (NOW_MS, "2026-11-26T09:00:00Z", "2026-11-27T09:00:00.000001Z", "timestamp"),
        (NOW_MS, "2026-11-28T09:00:00Z", "2026-11-26T09:00:00Z", "ce_time"),
        (NOW_MS, "2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "ce_time"),
        (NOW_MS, "2020-01-01t00:00:00z", "2026-11-26T09:00:00Z", None),
        (NOW_MS, "2020-01-01T00:00:00+05:30:15", "2026-11-26T09:00:00Z", "ce_time"),
        (-1, "2026-11-26T09:00:00Z", "2026-11-27T09:00:00Z", None),
        (-1, "2026-11-26T09:00:00Z", "2026-11-28T09:00:00Z", "timestamp"),
    ],
)
def test_an_event_has_the_bounds_of_the_door(recorded: int, time: str, timestamp: str, field: str | None) -> None:
    try:
        event(value(timestamp=timestamp), recorded=recorded, time=time)
        assert field is None
    except InvalidInput as error:
        assert error.faults[0].field == field


UNITS = [
    (NOW_MS // 1000, "seconds"),
    (NOW_MS * 1000, "microseconds"),
    (NOW_MS * 10**6, "nanoseconds"),
    (0, "milliseconds"),
    (2026, "milliseconds"),
    (20261126, "milliseconds"),
]


@pytest.mark.parametrize(("number", "unit"), UNITS)
def test_a_moment_in_another_unit_is_refused_everywhere(number: int, unit: str) -> None:
    with pytest.raises(InvalidInput, match=unit) as in_query:
        read_milliseconds("timestamp", str(number))
    assert status_of(in_query.value) == 400
    line = json.dumps({"user": "u", "kind": "click", "timestamp": number}).encode()
    with pytest.raises(InvalidInput, match=unit):
        decode_json(line, InteractionRequest, NOW)
    with pytest.raises(InvalidInput, match=unit):
        event(line, recorded=NOW_MS, domain=ANALYTICS)


def test_a_moment_by_rfc_3339_or_in_milliseconds_is_the_same() -> None:
    assert read_milliseconds("timestamp", "2026-11-26T10:00:00.000+01:00") == NOW_MS
    assert read_milliseconds("timestamp", str(NOW_MS)) == NOW_MS
    for old in ("1999-12-31T23:59:59.999Z", "1970-01-21"):
        with pytest.raises(InvalidInput, match="2000"):
            read_milliseconds("timestamp", old)
