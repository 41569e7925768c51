"""What the consumers refused, for operators: cm-ops knows the letters and sends them again, this passes it on."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, g, request

from cm_server.commands import command
from cm_server.context import PREFIX, Context
from cm_server.operations import CURSOR, INSTANT, LIMIT, RECEIPT, Operation, Parameter
from cm_server.query_proxy.ops_client import answered
from cm_server.security.permissions import DESK, OPERATORS
from shop_core.events import DOMAINS
from shop_core.responses.dead_letters import (
    DeadLetters,
    LetterDiscard,
    LetterGroups,
    LetterOutcome,
    LetterOutcomes,
    LetterRedrive,
    LettersChosen,
    WholeLetter,
)

PATH = "/v1/ops/dead-letters"
ONE = f"{PATH}/{{receipt}}"
# A value may be as large as Kafka takes it.
BODY_LIMIT = 3 * 1024 * 1024
KEPT = {200: ("Cache-Control",)}
STATES = ["open", "sent", "redriven", "discarded", "all"]
CHOSEN = (
    Parameter("domain", "query", "Of one domain only", {"type": "string", "enum": list(DOMAINS)}),
    Parameter("state", "query", "Where they stand", {"type": "string", "enum": STATES, "default": "open"}),
    Parameter("reason", "query", "Words that stand in the reason, whatever their case"),
    Parameter("type", "query", "Of events of one type only"),
    Parameter("from", "query", "Not before this moment (RFC 3339)", INSTANT),
    Parameter("to", "query", "Before this moment (RFC 3339)", INSTANT),
    Parameter("like", "query", "Of one group only: that of the dead letter with this receipt", RECEIPT),
)
NAMED = (Parameter("receipt", "path", "The receipt of the event that was refused", RECEIPT),)
READ, WRITE = (400, 404, 503), (400, 404, 409, 413, 415, 422, 503)
ONCE = "Of several who do so at once, one does it; the others are answered 409. The event keeps its id."
BULK = "It is a dry run unless `dryRun` is false. Of very many it takes the oldest, and says how many are `left`."
OPERATIONS = (
    Operation(
        "listDeadLetters", "get", PATH, "Dead letters, newest first", {200: DeadLetters}, READ,
        (*CHOSEN, LIMIT, CURSOR), headers=KEPT, access=OPERATORS,
        about="Those that nobody has dealt with, unless `state` says otherwise. Whose they are is not in it.",
    ),
    Operation(
        "groupDeadLetters", "get", f"{PATH}:groups", "Dead letters that are alike, counted", {200: LetterGroups}, READ,
        CHOSEN, headers=KEPT, access=OPERATORS,
        about="By domain, type and reason, with names and numbers left out; the largest group first.",
    ),
    Operation(
        "getDeadLetter", "get", ONE, "One dead letter, whole", {200: WholeLetter}, READ, NAMED, headers=KEPT,
        access=DESK,
        about="Headers, key and value, as JSON, text or hexadecimal digits; `faults` are what would be refused again.",
    ),
    Operation(
        "redriveDeadLetter", "post", f"{ONE}:redrive", "Send a dead letter again", {200: LetterOutcome}, WRITE, NAMED,
        LetterRedrive, headers=KEPT, access=DESK,
        about=f"What its consumer would refuse is answered 422, and nothing is sent. {ONCE} It is watched for 5 s.",
    ),
    Operation(
        "discardDeadLetter", "post", f"{ONE}:discard", "Put a dead letter aside", {200: LetterOutcome}, WRITE, NAMED,
        LetterDiscard, headers=KEPT, access=DESK, about="It stays in its topic for the record. Who did it is kept.",
    ),
    Operation(
        "redriveDeadLetters", "post", f"{PATH}:redrive", "Send many dead letters again", {200: LetterOutcomes}, WRITE,
        (), LettersChosen, headers=KEPT, access=DESK, about=BULK,
    ),
    Operation(
        "discardDeadLetters", "post", f"{PATH}:discard", "Put many dead letters aside", {200: LetterOutcomes}, WRITE,
        (), LettersChosen, headers=KEPT, access=DESK, about=BULK,
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes, below the prefix."""
    routes = Blueprint("dead_letters", __name__, url_prefix=PREFIX)

    @routes.get(PATH)
    def listed() -> Response:
        return answered(context.ops, PATH)

    @routes.get(f"{PATH}:groups")
    def grouped() -> Response:
        return answered(context.ops, f"{PATH}:groups")

    @routes.get(f"{PATH}/<receipt>")
    def one(receipt: str) -> Response:
        return answered(context.ops, f"{PATH}/{quote(receipt, safe='')}")

    @routes.post(f"{PATH}/<receipt>:redrive")
    def redrive(receipt: str) -> Response:
        return written(context, f"{PATH}/{quote(receipt, safe='')}:redrive")

    @routes.post(f"{PATH}/<receipt>:discard")
    def discard(receipt: str) -> Response:
        return written(context, f"{PATH}/{quote(receipt, safe='')}:discard")

    @routes.post(f"{PATH}:redrive")
    def redrive_many() -> Response:
        return written(context, f"{PATH}:redrive")

    @routes.post(f"{PATH}:discard")
    def discard_many() -> Response:
        return written(context, f"{PATH}:discard")

    return routes


def written(context: Context, path: str) -> Response:
    request.max_content_length = BODY_LIMIT
    return answered(context.ops, path, command.body(), g.caller.id)
