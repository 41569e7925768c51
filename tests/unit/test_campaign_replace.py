"""PUT of a campaign or an event replaces the whole; an answer has its dates in the form of the question's date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cm_api.domains.campaigns.projection import fields_of
from cm_api.domains.campaigns.routes import form_arg
from cm_server.context import PREFIX
from shop_core.errors import InvalidInput
from shop_core.events import campaigns
from shop_core.events.envelope import decode
from shop_core.testing import MemoryPublisher

WHOLE = {"name": "Sale", "startDate": "2027/01/01 00:00:00", "endDate": "2027-02-01T00:00:00.250Z"}
PLACES = ["/campaign-events/c", "/events/c.e"]


def put(client: FlaskClient, path: str, body: Any) -> Any:
    return client.put(PREFIX + path, data=json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("path", PLACES)
def test_what_is_put_has_every_field_that_is_stored(client: FlaskClient, publisher: MemoryPublisher, path: str) -> None:
    assert put(client, path, WHOLE).status_code == 202
    [message] = publisher.log
    event = decode(campaigns.DOMAIN, message)
    assert message.key == b"c" and type(event.data) is campaigns.DOMAIN.events[event.type]
    assert fields_of(event.data) == {
        "name": "Sale",
        "startDate": datetime(2027, 1, 1, tzinfo=UTC), "startDateDigits": 0,
        "endDate": datetime(2027, 2, 1, microsecond=250_000, tzinfo=UTC), "endDateDigits": 3,
    }  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("left_out", WHOLE)
def test_nothing_may_be_left_out_of_a_whole(
    client: FlaskClient, publisher: MemoryPublisher, path: str, left_out: str
) -> None:
    answer = put(client, path, {name: value for name, value in WHOLE.items() if name != left_out})
    assert (answer.status_code, answer.json["field"], publisher.log) == (422, left_out, [])


def test_an_event_stays_in_its_campaign(client: FlaskClient, publisher: MemoryPublisher) -> None:
    moved = put(client, "/events/c.e", {**WHOLE, "campaignEventId": "d"})
    assert (moved.status_code, moved.json["field"], publisher.log) == (422, "campaignEventId", [])
    assert put(client, "/events/c.e", {**WHOLE, "campaignEventId": "c"}).status_code == 202


@pytest.mark.parametrize(
    ("query", "form"),
    [("", "iso"), ("at=2027/01/01 00:00:00", "slash"), ("at=2027-01-01", "iso"), ("dates=slash", "slash"),
     ("at=2027-01-01&dates=slash", "slash"), ("at=2027/01/01 00:00:00&dates=iso", "iso")],
)  # fmt: skip
def test_dates_are_answered_in_the_form_of_the_date_that_was_sent(query: str, form: str) -> None:
    with Flask("api").test_request_context(f"/events/live?{query}"):
        assert form_arg() == form


def test_another_form_is_refused() -> None:
    with Flask("api").test_request_context("/events/live?dates=words"), pytest.raises(InvalidInput):
        form_arg()
