"""Analytics in: clicks and impressions, one by one or many at once; and the counts, the current hour's from memory."""

from __future__ import annotations

from datetime import datetime

import msgspec
from flask import Blueprint, Response, request

from cm_server import batches, commands, identity
from cm_server.access import CUSTOMER, REPORTS, writes_own
from cm_server.batches import BatchAnswer
from cm_server.callers import must_be_own
from cm_server.context import PREFIX, Context
from cm_server.current_hour import CurrentHour
from cm_server.identity import Identity
from cm_server.operations import AFTER, COMMAND_HEADERS, KEY, WAIT, Operation, Parameter
from shop_core.answers.analytics import Counts, Series
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.analytics import (
    DOMAIN,
    INTERACTION_RECORDED,
    InteractionRecorded,
    Kind,
    check_not_far_ahead,
    read_milliseconds,
)  # fmt: skip
from shop_core.events.envelope import Record, decode_json, digest_of, encode
from shop_core.events.fields import check_text
from shop_core.web import json_answer

KINDS: tuple[Kind, ...] = ("click", "impression")
ARGUMENTS = ("timestamp", "user", *KINDS)
_FLAG = {"type": "string", "maxLength": 0}
TIMESTAMP = Parameter("timestamp", "query", "Milliseconds since 1970 (UTC)", {"type": "integer", "minimum": 0})
RANGE = (
    Parameter(
        "from", "query", "The first hour or day: ISO 8601, or milliseconds since 1970; by default 48 before `to`"
    ),
    Parameter("to", "query", "The moment before which the range ends; by default now"),
    Parameter("step", "query", "Hours or days", {"enum": ["hour", "day"], "default": "hour"}),
    Parameter(
        "format", "query", "The form of the answer; without it the Accept header decides", {"enum": ["json", "csv"]}
    ),
    AFTER,
)
COUNTED = {200: ("ETag", "Cache-Control", "X-Data-As-Of")}

OPERATIONS = (
    Operation(
        "post", "/analytics", "Count a click or an impression", {204: None}, (400, 409, 422, 503),
        (
            TIMESTAMP,
            Parameter("user", "query", "Who it was", {"type": "string", "minLength": 1, "maxLength": 128}),
            Parameter("click", "query", "It was a click", _FLAG),
            Parameter("impression", "query", "It was an impression; either this or click", _FLAG),
            KEY, WAIT,
        ),
        headers={204: COMMAND_HEADERS[204]}, access=writes_own("user"),
    ),
    Operation(
        "post", "/analytics:batch", "Count up to 1,000 interactions at once; answered by line", {202: BatchAnswer},
        (400, 413, 415, 422, 503), (KEY,), InteractionRecorded, batches.MEDIA_TYPES, access=CUSTOMER,
    ),
    Operation(
        "get", "/analytics", "What the hour of a moment came to: text, or JSON by Accept", {200: Counts, 304: None},
        (400, 412, 503), (TIMESTAMP, AFTER), headers=COUNTED, also=("text/plain",), access=REPORTS,
    ),
    Operation(
        "get", "/analytics/series", "Hours or days in a row: JSON or CSV", {200: Series, 304: None},
        (400, 412, 503), RANGE, headers=COUNTED, also=("text/csv",), access=REPORTS,
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("analytics", __name__, url_prefix=PREFIX)
    routes.register_error_handler(commands.Rejected, commands.rejected)
    current = CurrentHour(context.queries, context.now)

    @routes.post("/analytics")
    def record() -> Response:
        wait, key, now = commands.preferred_wait(), identity.sent_key(), context.now()
        data = interaction_asked_for(now)
        known = identity.identify(key, DOMAIN.name, data.user)
        done = commands.publish(context, DOMAIN, to_record(data, known.id, now, known.by_key), known, wait=wait)
        answer = Response(status=204, headers={"X-Id": done.id, "X-Receipt": done.receipt})
        del answer.headers["Content-Type"]
        return answer

    @routes.post("/analytics:batch")
    def record_many() -> Response:
        key, now = identity.sent_key(), context.now()

        def make(line: bytes, number: int) -> tuple[Record, Identity]:
            data = parse(line, now)
            known = identity.identify(key, DOMAIN.name, data.user, number)
            return to_record(data, known.id, now, known.by_key), known

        return json_answer(batches.publish(context, DOMAIN, batches.body(), make), 202)

    @routes.get("/analytics")
    def hour() -> Response:
        return current.answer() or context.queries.forward("/analytics")

    @routes.get("/analytics/series")
    def series() -> Response:
        return context.queries.forward("/analytics/series")

    return routes


def interaction_asked_for(now: datetime) -> InteractionRecorded:
    """The interaction in the query string; whatever is wrong with it is a fault of the request (400)."""
    arguments = request.args
    for name in arguments:
        if name not in ARGUMENTS:
            raise InvalidInput(FieldFault(name, f"is not known here, expected {', '.join(ARGUMENTS)}"), status=400)
        if len(arguments.getlist(name)) > 1:
            raise InvalidInput(FieldFault(name, "is given more than once"), status=400)
    kinds = [kind for kind in KINDS if kind in arguments]
    if len(kinds) != 1:
        raise InvalidInput(FieldFault("click", "or impression must be given, and not both"), status=400)
    if arguments[kinds[0]]:
        raise InvalidInput(FieldFault(kinds[0], "takes no value"), status=400)
    try:
        timestamp = check_not_far_ahead(read_milliseconds("timestamp", arguments.get("timestamp")), now)
        return InteractionRecorded(check_text("user", arguments.get("user", "")), kinds[0], timestamp)
    except InvalidInput as error:
        raise InvalidInput(*error.faults, status=400) from None


def parse(line: bytes, now: datetime) -> InteractionRecorded:
    """One line of a batch."""
    data = decode_json(line, InteractionRecorded)
    data.check()
    must_be_own("user", data.user)
    check_not_far_ahead(data.timestamp, now)
    return data


def to_record(data: InteractionRecorded, id: str, now: datetime, named: bool) -> Record:
    """The record of an interaction; its key is the user, so that one consumer tells who is new."""
    digest = digest_of(msgspec.json.encode(data)) if named else None
    return encode(DOMAIN, INTERACTION_RECORDED, data, key=data.user, id=id, time=now, digest=digest)
