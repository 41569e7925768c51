"""Dates in their two forms: told apart, read and written back without a loss."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_core.errors import InvalidInput, MalformedRequest
from shop_core.events.dates import format_date, parse_date
from shop_core.http.problems import status_of

moments = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_iso_comes_back_as_the_same_moment_in_any_zone(moment: datetime, zone: timezone) -> None:
    assert parse_date("at", format_date(moment)) == moment
    assert parse_date("at", moment.astimezone(zone).isoformat()) == moment
    assert parse_date("at", moment.replace(tzinfo=None).isoformat()) == moment, "no zone means UTC"


@given(moments)
def test_slashes_come_back_to_the_second(moment: datetime) -> None:
    text = format_date(moment, "slash")
    assert len(text) == len("2026/11/21 09:30:00")
    assert parse_date("at", text) == moment.replace(microsecond=0)


@given(st.text(max_size=30))
def test_anything_else_is_refused_by_the_fields_name(text: str) -> None:
    try:
        parse_date("startDate", text, error=MalformedRequest)
    except InvalidInput as error:
        assert (status_of(error), error.faults[0].field) == (400, "startDate")


@pytest.mark.parametrize(
    "text",
    ["2026/13/01 00:00:00", "2026/02/29 00:00:00", "2026/1/1 00:00:00", "2026/01/01", "2026/01/01T00:00:00",
     "01/02/2026 00:00:00", "2026/01/01 24:00:00", "2026/01/01 00:00:60", " 2026/01/01 00:00:00", "2026-01/01", "",
     "now", "1795253400000", "٢٠٢٦/01/01 00:00:00", "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_looks_like_a_date_and_is_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_date("at", text)


def test_24_hours_leap_days_and_milliseconds() -> None:
    assert parse_date("at", "2028/02/29 23:59:59") == datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    assert format_date(parse_date("at", "2026-11-21T09:30:00.123999+01:00")) == "2026-11-21T08:30:00.123Z"
