"""The dead-letter desk over HTTP: lists, one letter, and what is done with one or with many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, request

from cm_ops import letters
from cm_ops.desk import MOST_AT_ONCE, Desk
from cm_ops.letters import Place, Wanted
from cm_ops.looking import Away
from shop_core.errors import Faults, FieldFault, InvalidInput, MalformedRequest
from shop_core.events import DOMAINS
from shop_core.events.instants import format_instant, parse_instant
from shop_core.events.reading import decode_json
from shop_core.http import query_args
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
STATES = ("open", "sent", "redriven", "discarded")
# A value may be as large as Kafka takes it.
BODY_LIMIT = 3 * 1024 * 1024


def blueprint(desk: Desk) -> Blueprint:
    routes = Blueprint("letters", __name__)
    routes.register_error_handler(Away, _away)
    routes.register_error_handler(NotFree, lambda error: problem(409, f"{error}."))

    @routes.get(PATH)
    def listed() -> Response:
        wanted, limit, after = asked(("limit", "cursor"), query_args.limit_arg, _after)
        with aside():
            every = desk.every()
        found = letters.page(letters.chosen(every, wanted), limit, after)
        return json_answer(found, headers=NOT_KEPT)

    @routes.get(f"{PATH}:groups")
    def grouped() -> Response:
        (wanted,) = asked()
        with aside():
            every = desk.every()
        found = letters.groups(letters.chosen(every, wanted))
        return json_answer(LetterGroups(found), headers=NOT_KEPT)

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


def asked(more: Sequence[str] = (), *readers: Callable[[], Any]) -> list[Any]:
    """Which letters the address asks for, and what `readers` find in the `more` that it may say; `MalformedRequest`
    for what it can't."""
    known = ("domain", "state", "reason", "type", "from", "to", "like", *more)
    moments = partial(_moment, "from"), partial(_moment, "to")
    state, domain, since, until, like, *found = query_args.read(known, _state, _domain, *moments, _like, *readers)
    reason, type_ = request.args.get("reason", ""), request.args.get("type", "")
    return [Wanted(domain, state, reason, type_, since, until, like), *found]


def chosen(desk: Desk, said: LettersChosen) -> tuple[list[str], int]:
    """The receipts that a request about many takes, oldest first, and how many it leaves."""
    faults = Faults()
    since, until = faults.read(_body_moment, "from", said.since), faults.read(_body_moment, "to", said.until)
    if said.domain not in ("", *DOMAINS):
        faults.add(InvalidInput(FieldFault("domain", f"must be one of {', '.join(DOMAINS)}")))
    faults.settle()
    wanted = Wanted(said.domain, "open", said.reason, said.type, since or "", until or "", said.like)
    found = [each.receipt for each in letters.chosen(desk.every(), wanted)][::-1]
    return found[:MOST_AT_ONCE], max(0, len(found) - MOST_AT_ONCE)


def caller() -> str:
    """Who cm-server says that it is; whoever asks here without it is inside."""
    return unquote(request.headers.get(CALLER_HEADER, "")) or "somebody inside"


def _state() -> str:
    found = query_args.choice_arg("state", (*STATES, "all"), "open")
    return "" if found == "all" else found


def _domain() -> str:
    return query_args.choice_arg("domain", DOMAINS, "") if "domain" in request.args else ""


def _like() -> str:
    found = request.args.get("like")
    if found == "":
        raise MalformedRequest(FieldFault("like", "must be the receipt of a dead letter"))
    return found or ""


def _moment(name: str) -> str:
    """As letters have it; '' where it is not asked for."""
    found = query_args.instant_arg(name)
    return "" if found is None else format_instant(found.plain())


def _after() -> Place | None:
    text = request.args.get("cursor")
    return None if text is None else letters.place_in(text)


def _body_moment(name: str, text: str) -> str:
    """As letters have it; '' stays."""
    return format_instant(parse_instant(name, text).plain()) if text else ""


def _away(error: Away) -> Response:
    detail = f"{error}, so nothing can be told of dead letters."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
