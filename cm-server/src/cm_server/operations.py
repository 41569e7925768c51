"""How a route is described: what it takes and answers, in the code's own types. Each domain lists its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cm_server.security.permissions import ADMIN, AUTHENTICATED, EVERYBODY, STAFF, Access
from shop_core.responses import CommandAnswer, Readiness, ReceiptState


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path, the query or the headers."""

    name: str
    where: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    example: str | None = None
    """What a first call says; None where it says nothing."""


@dataclass(frozen=True)
class Operation:
    """One method of one path. `answers` maps a status to its body's type, None for none; `problems` are statuses.

    `id` is what a generated client calls it, like `listProducts`; `about` is what the summary has no room for.
    `access` says who may call it: admins alone, unless the row says otherwise.
    `also` are the kinds of text in which a 200 may be answered instead.
    """

    id: str
    method: str
    path: str
    summary: str
    answers: Mapping[int, Any]
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_types: tuple[str, ...] = ("application/json",)
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    access: Access = ADMIN
    also: tuple[str, ...] = ()
    about: str = ""


WAIT = Parameter(
    "Prefer", "header",
    "`wait=n`: hold the answer until the event is stored or refused, at most n seconds; more than 10 are cut. What "
    "can't be honoured is ignored, also where too many wait already; Preference-Applied tells what was (RFC 7240)",
    {"type": "string", "examples": ["wait=2"]},
)  # fmt: skip
KEY = Parameter(
    "Idempotency-Key", "header", "Names the command, so that sending it again changes nothing",
    {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]+$"},
)  # fmt: skip
RECEIPT = {"type": "string", "pattern": "^[a-z.]+-[0-9]{1,6}-[0-9]{1,18}$", "examples": ["shop.purchases-3-1024"]}
INSTANT = {"type": "string", "format": "date-time"}
AFTER = Parameter(
    "after", "query", "A receipt: answer once the read model has it (412 when that takes over 5 s)", RECEIPT
)
LIMIT = Parameter(
    "limit",
    "query",
    "Items a page, at most; long texts make them fewer",
    {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
)
CURSOR = Parameter("cursor", "query", "The `next` of an earlier page")
PAGE = (
    LIMIT,
    CURSOR,
    Parameter("from", "query", "Not before this moment (RFC 3339)", INSTANT),
    Parameter("to", "query", "Before this moment (RFC 3339)", INSTANT),
    AFTER,
)
NOT_MODIFIED = {200: ("ETag", "Cache-Control", "X-Data-As-Of")}
COMMAND_HEADERS = {
    200: ("X-Id", "X-Receipt"),
    201: ("Location", "X-Id", "X-Receipt"),
    202: ("Location", "X-Id", "X-Receipt"),
    204: ("X-Id", "X-Receipt"),
}
COMMAND_PROBLEMS = (400, 409, 413, 415, 422, 503)


def command(
    id: str, method: str, path: str, summary: str, stored: int, parameters: tuple[Parameter, ...], body: Any = None,
    access: Access = STAFF, about: str = "",
) -> Operation:  # fmt: skip
    """A command: 202 before it is stored, `stored` once it was waited for."""
    answers = {stored: None if stored == 204 else CommandAnswer, 202: CommandAnswer}
    headers = {status: COMMAND_HEADERS[status] for status in answers}
    sent = (*parameters, KEY, WAIT)
    problems = (*COMMAND_PROBLEMS, 404) if "{" in path else COMMAND_PROBLEMS  # what the address names may be gone
    return Operation(
        id, method, path, summary, answers, problems, sent, body, headers=headers, access=access, about=about
    )


def query(
    id: str, path: str, summary: str, answer: Any, parameters: tuple[Parameter, ...],
    problems: tuple[int, ...] = (404,), about: str = "",
) -> Operation:  # fmt: skip
    """A read: conditional, and able to wait for a receipt."""
    return Operation(
        id, "get", path, summary, {200: answer, 304: None}, (400, *problems, 412, 503), (*parameters, AFTER),
        headers=NOT_MODIFIED, access=AUTHENTICATED, about=about,
    )  # fmt: skip


def path_segment(name: str, about: str) -> Parameter:
    """A path parameter; a slash in it is sent as %2F."""
    return Parameter(name, "path", about, {"type": "string", "minLength": 1, "maxLength": 128})


RECEIPTS = (
    Operation(
        "getReceipt", "get", "/v1/receipts/{receipt}", "What became of a command",
        {200: ReceiptState, 204: None}, (400, 404, 503),
        (Parameter("receipt", "path", "The receipt that the command was answered with", RECEIPT),
         Parameter(
             "wait", "query", "Seconds to wait for the event to be stored or refused; more than 10 are cut to 10, and "
             "none are waited where too many wait already",
             {"type": "number", "minimum": 0, "multipleOf": 0.001},
         ),
         Parameter(
             "Last-Event-ID", "header", "Of who comes back to a stream: the id of the last event. Behind `stored` and "
             "`rejected` nothing comes, which 204 tells", {"type": "string"},
         )),
        access=AUTHENTICATED, also=("text/event-stream",),
        about="`accepted`: Kafka has it; `stored`: queries show it; `rejected`: it broke a rule, which `reason` names. "
        "With `Accept: text/event-stream` each change comes as a Server-Sent Event: its id is the state, its data what "
        "is answered as JSON. The stream ends with the last state; or unsettled after a minute, or at once where too "
        "many listen: ask again after the `retry` that it named, as EventSource does.",
    ),
)  # fmt: skip
SERVICE = (
    Operation(
        "getLiveness", "get", "/healthz", "Liveness: `Success` while the process runs", {200: str}, access=EVERYBODY,
        about="It says nothing of Kafka or cm-api: restart the process only where this fails.",
    ),
    Operation(
        "getReadiness", "get", "/readyz", "Readiness, by dependency", {200: Readiness, 503: Readiness},
        access=EVERYBODY,
        about="503 where Kafka or cm-api does not answer, with what kind of fault it is; where it is, the log alone "
        "tells. `circuit` is open while cm-api is not asked.",
    ),
    Operation(
        "getMetrics", "get", "/metrics", "Prometheus metrics", {200: str},
        about="In Prometheus' text format, summed over the worker processes.",
    ),
)  # fmt: skip
