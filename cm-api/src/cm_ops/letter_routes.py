"""The dead-letter desk over HTTP: lists, one letter, and what is done with one or with many."""

from __future__ import annotations

from urllib.parse import unquote

from flask import Blueprint, Response, request

from cm_ops import letters
from cm_ops.desk import MOST_AT_ONCE, Desk
from cm_ops.letters import Wanted
from cm_ops.looking import Away
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events import DOMAINS
from shop_core.events.instants import format_instant, parse_instant
from shop_core.events.reading import decode_json
from shop_core.http.app import CALLER_HEADER, aside, json_answer
from shop_core.http.problems import RETRY_AFTER_SECONDS, problem
from shop_core.mongo.letter_notes import NotFree
from shop_core.responses.dead_letters import (
    LetterDiscard,
    LetterGroups,
    LetterOutcomes,
    LetterRedrive,
    LettersChosen,
)

PATH = "/v1/ops/dead-letters"
NOT_KEPT = {"Cache-Control": "no-store"}
LIMIT, MOST = 50, 200
STATES = ("open", "sent", "redriven", "discarded")
# A value may be as large as Kafka takes it.
BODY_LIMIT = 3 * 1024 * 1024


def blueprint(desk: Desk) -> Blueprint:
    routes = Blueprint("letters", __name__)
    routes.register_error_handler(Away, _away)
    routes.register_error_handler(NotFree, lambda error: problem(409, f"{error}."))

    @routes.get(PATH)
    def listed() -> Response:
        wanted, limit = asked(), _limit()
        with aside():
            every = desk.every().values()
        found = letters.page(filter(wanted.takes, every), limit, request.args.get("cursor", ""))
        return json_answer(found, headers=NOT_KEPT)

    @routes.get(f"{PATH}:groups")
    def grouped() -> Response:
        wanted = asked()
        with aside():
            every = desk.every().values()
        return json_answer(LetterGroups(letters.groups(filter(wanted.takes, every))), headers=NOT_KEPT)

    @routes.get(f"{PATH}/<receipt>")
    def one(receipt: str) -> Response:
        with aside():
            found = desk.whole(receipt)
        return json_answer(found, headers=NOT_KEPT)

    @routes.post(f"{PATH}/<receipt>:redrive")
    def redrive(receipt: str) -> Response:
        request.max_content_length = BODY_LIMIT
        said = decode_json(request.get_data(cache=False) or b"{}", LetterRedrive)
        with aside():
            outcome = desk.redrive(receipt, said, caller())
        return json_answer(outcome, headers=NOT_KEPT)

    @routes.post(f"{PATH}/<receipt>:discard")
    def discard(receipt: str) -> Response:
        said = decode_json(request.get_data(cache=False) or b"{}", LetterDiscard)
        with aside():
            (outcome,) = desk.discard([receipt], caller(), said.note, dry_run=said.dry_run)
        if outcome.state == "not sent":
            raise NotFree(outcome.why or "")
        return json_answer(outcome, headers=NOT_KEPT)

    @routes.post(f"{PATH}:redrive")
    def redrive_all() -> Response:
        said = decode_json(request.get_data(cache=False), LettersChosen)
        with aside():
            some, left = chosen(desk, said)
            done = desk.redrive_all(some, caller(), dry_run=said.dry_run)
        return json_answer(LetterOutcomes(done, left), headers=NOT_KEPT)

    @routes.post(f"{PATH}:discard")
    def discard_all() -> Response:
        said = decode_json(request.get_data(cache=False), LettersChosen)
        with aside():
            some, left = chosen(desk, said)
            done = desk.discard(some, caller(), said.note, dry_run=said.dry_run)
        return json_answer(LetterOutcomes(done, left), headers=NOT_KEPT)

    return routes


def asked() -> Wanted:
    """What the address asks for; `InvalidInput` (400) for what it can't."""
    known = ("domain", "state", "reason", "type", "from", "to", "limit", "cursor")
    for name in request.args:
        if name not in known:
            raise InvalidInput(FieldFault(name[:80], f"is not known here, expected {', '.join(known)}"), status=400)
    state = _choice("state", request.args.get("state", "open"), (*STATES, "all"))
    return Wanted(
        _choice("domain", request.args.get("domain", ""), ("", *DOMAINS)),
        "" if state == "all" else state,
        request.args.get("reason", ""),
        request.args.get("type", ""),
        _instant("from", request.args.get("from", ""), 400),
        _instant("to", request.args.get("to", ""), 400),
    )


def chosen(desk: Desk, said: LettersChosen) -> tuple[list[str], int]:
    """The receipts that a request about many takes, oldest first, and how many it leaves."""
    since, until = _instant("from", said.since, 422), _instant("to", said.until, 422)
    domain = _choice("domain", said.domain, ("", *DOMAINS), 422)
    wanted = Wanted(domain, "open", said.reason, said.type, since, until)
    found = [each.receipt for each in desk.every().values() if wanted.takes(each)][::-1]
    return found[:MOST_AT_ONCE], max(0, len(found) - MOST_AT_ONCE)


def caller() -> str:
    """Who cm-server says that it is; whoever asks here without it is inside."""
    return unquote(request.headers.get(CALLER_HEADER, "")) or "somebody inside"


def _limit() -> int:
    text = request.args.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST):
        raise InvalidInput(FieldFault("limit", f"must be a number from 1 to {MOST}"), status=400)
    return int(text)


def _choice(name: str, text: str, choices: tuple[str, ...], status: int = 400) -> str:
    if text not in choices:
        about = f"must be one of {', '.join(filter(None, choices))}"
        raise InvalidInput(FieldFault(name, about), status=status)
    return text


def _instant(name: str, text: str, status: int) -> str:
    """As letters have it; '' stays."""
    return format_instant(parse_instant(name, text, status=status).plain()) if text else ""


def _away(error: Away) -> Response:
    detail = f"{error}, so nothing can be told of dead letters."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
