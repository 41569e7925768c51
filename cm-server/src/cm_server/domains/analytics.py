"""Analytics in: clicks and impressions, one by one or many at once; and the counts, the current hour's from memory."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from flask import Blueprint, Response, request

from cm_server.commands import batches, command, identity
from cm_server.commands.batches import BatchAnswer
from cm_server.commands.identity import Identity
from cm_server.context import PREFIX, Context
from cm_server.operations import AFTER, COMMAND_HEADERS, KEY, NOT_MODIFIED, WAIT, Operation, Parameter
from cm_server.query_proxy.analytics_cache import CurrentHour
from cm_server.security.authentication import must_be_own
from cm_server.security.permissions import CUSTOMER, REPORTS, writes_own
from shop_core.errors import Faults, FieldFault, InvalidInput, MalformedRequest
from shop_core.events.analytics import (  # fmt: skip
    DOMAIN,
    FIRST_MILLISECOND,
    FORMS,
    INTERACTION_RECORDED,
    LAST_MILLISECOND,
    InteractionRecorded,
    Kind,
    check_recent,
    check_sent,
    read_milliseconds,
)
from shop_core.events.envelope import Record, digest_of, encode
from shop_core.events.fields import Rule, Text128, check_text
from shop_core.events.reading import Checked, decode_json
from shop_core.events.sentences import LONGEST_SHOWN
from shop_core.http.app import json_answer
from shop_core.responses.analytics import Counts, Series

KINDS: tuple[Kind, ...] = ("click", "impression")
ARGUMENTS = ("timestamp", "user", *KINDS)
_FLAG = {"type": "string", "maxLength": 0}
_NUMBER = {"minimum": FIRST_MILLISECOND, "maximum": LAST_MILLISECOND}
_TEXT = {"format": "date-time"}
_ABOUT_MOMENT = "milliseconds since 1970 in UTC, or RFC 3339; from 2000 on"
_MOMENT = {"anyOf": [{"type": "integer"} | _NUMBER, {"type": "string"} | _TEXT]}
TIMESTAMP = Parameter("timestamp", "query", f"The moment: {_ABOUT_MOMENT}", _MOMENT, "2026-11-27T09:30:00Z")
RANGE = (
    Parameter("from", "query", f"The first hour or day: {_ABOUT_MOMENT}; by default 48 before `to`"),
    Parameter("to", "query", "The moment before which the range ends; by default now"),
    Parameter("step", "query", "Hours or days", {"enum": ["hour", "day"], "default": "hour"}),
    Parameter(
        "format", "query", "The form of the answer; without it the Accept header decides", {"enum": ["json", "csv"]}
    ),
    AFTER,
)


class InteractionRequest(Checked, frozen=True, forbid_unknown_fields=True):
    """An interaction as a client sends it: who saw (impression) or clicked something, and when."""

    EXAMPLE: ClassVar = {"user": "ada", "kind": "click", "timestamp": "2026-11-27T09:30:00Z"}

    user: Text128
    kind: Kind
    timestamp: Annotated[
        Annotated[int, msgspec.Meta(extra_json_schema=_NUMBER)] | Annotated[str, msgspec.Meta(extra_json_schema=_TEXT)],
        msgspec.Meta(description=f"{_ABOUT_MOMENT}; at most a day ahead"),
        Rule(check_sent, check_recent, form=FORMS),
    ]


OPERATIONS = (
    Operation(
        "recordInteraction", "post", "/analytics", "Count a click or an impression", {204: None}, (400, 409, 422, 503),
        (
            TIMESTAMP,
            Parameter("user", "query", "Who it was", {"type": "string", "minLength": 1, "maxLength": 128}, "ada"),
            Parameter("click", "query", "It was a click", _FLAG, ""),
            Parameter("impression", "query", "It was an impression; either this or click", _FLAG),
            KEY, WAIT,
        ),
        headers={204: COMMAND_HEADERS[204]}, access=writes_own("user"),
        about="Either `click` or `impression` is in the query, without a value.",
    ),
    Operation(
        "recordInteractions", "post", "/analytics:batch",
        "Count up to 1,000 interactions at once; answered by line", {202: BatchAnswer},
        (400, 413, 415, 422, 503), (KEY,), InteractionRequest, batches.MEDIA_TYPES, access=CUSTOMER,
        about="A line at fault is refused by its number; the others are sent.",
    ),
    Operation(
        "getAnalytics", "get", "/analytics",
        "What the hour of a moment came to: text, or JSON by Accept", {200: Counts, 304: None},
        (400, 412, 503), (TIMESTAMP, AFTER), headers=NOT_MODIFIED, also=("text/plain",), access=REPORTS,
    ),
    Operation(
        "getAnalyticsSeries", "get", "/analytics/series",
        "Hours or days in a row: JSON or CSV", {200: Series, 304: None},
        (400, 412, 503), RANGE, headers=NOT_MODIFIED, also=("text/csv",), access=REPORTS,
        about="Hours or days without events are in it as well.",
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("analytics", __name__, url_prefix=PREFIX)
    routes.register_error_handler(command.Rejected, command.rejected)
    current = CurrentHour(context.queries, context.now)

    @routes.post("/analytics")
    def record() -> Response:
        wait, key, now = command.preferred_wait(), identity.sent_key(), context.now()
        data = interaction_asked_for(now)
        known = identity.identify(key, DOMAIN.name, data.user)
        done = command.publish(context, DOMAIN, to_record(data, known.id, now, known.by_key), known, wait=wait)
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
    faults = Faults()
    for name in request.args:
        faults.read(_check_argument, name)
    kind = faults.read(_kind_asked_for)
    user = faults.read(_user_asked_for)
    at = faults.read(_timestamp_asked_for, now)
    faults.settle(MalformedRequest)
    return InteractionRecorded(user, kind, at)  # type: ignore[arg-type]


def parse(line: bytes, now: datetime) -> InteractionRecorded:
    """One line of a batch."""
    sent = decode_json(line, InteractionRequest, now)
    must_be_own("user", sent.user)
    return InteractionRecorded(sent.user, sent.kind, check_sent("timestamp", sent.timestamp))


def to_record(data: InteractionRecorded, id: str, now: datetime, may_repeat: bool) -> Record:
    """The record of an interaction; its key is the user, so that one consumer tells who is new."""
    digest = digest_of(msgspec.json.encode(data)) if may_repeat else None
    return encode(DOMAIN, INTERACTION_RECORDED, data, key=data.user, id=id, time=now, digest=digest)


def _fault(field: str, detail: str) -> InvalidInput:
    return MalformedRequest(FieldFault(field, detail))


def _check_argument(name: str) -> None:
    if name not in ARGUMENTS:
        raise _fault(name[:LONGEST_SHOWN], f"is not known here, expected {', '.join(ARGUMENTS)}")
    if len(request.args.getlist(name)) > 1:
        raise _fault(name, "must be given once")


def _kind_asked_for() -> Kind:
    kinds = [kind for kind in KINDS if kind in request.args]
    if len(kinds) != 1:
        raise _fault("click", "is required, or impression" if not kinds else "must not be given with impression")
    if request.args[kinds[0]]:
        raise _fault(kinds[0], "must be without a value")
    return kinds[0]


def _user_asked_for() -> str:
    if (user := request.args.get("user")) is None:
        raise _fault("user", "is required")
    return check_text("user", user, error=MalformedRequest)


def _timestamp_asked_for(now: datetime) -> int:
    timestamp = read_milliseconds("timestamp", request.args.get("timestamp"))
    try:
        return check_recent("timestamp", timestamp, now)
    except InvalidInput as error:
        raise MalformedRequest(*error.faults) from None
