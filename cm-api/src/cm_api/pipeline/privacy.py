"""Persons, over every domain: what is kept of one, and how one is erased and stays so.

An erasure holds at its place in the log of each partition (docs/decisions/0054). It is remembered by the hash of the
user's id, as the record of it, so that it changes nothing when it comes again, and so that what says itself that it was
said before, as out of the dead letters, changes nothing either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response

from cm_api.batch_result import Outcome, Refusal, added
from cm_api.contract import ReadModel
from cm_api.deduplication import USED_BEFORE
from cm_api.erasure import in_stages, person_in
from cm_api.http import paging
from cm_api.http.context import Context
from cm_api.pipeline import pending_rejections
from cm_api.registry import read_models
from shop_core.events.envelope import Event
from shop_core.events.people import USER_ERASED
from shop_core.http.app import conditional, in_path
from shop_core.mongo.client import ClientSession
from shop_core.mongo.erasures import Erasures
from shop_core.responses.people import Export


def blueprint(context: Context) -> Blueprint:
    """/v1/users/{userid}/export."""
    routes = Blueprint("people", __name__)

    @routes.get("/v1/users/<segment:userid>/export")
    def export(userid: str) -> Response:
        known = {model.domain.name: model.export for model in read_models() if model.export}  # the others know nobody
        reads = partial(in_path, "userid", userid), partial(paging.cursors_arg, known)
        _, cursors = paging.read(("cursor", "after"), *reads)
        context.await_after()
        found: dict[str, Any] = {"profile": None, "purchases": [], "reviews": []}
        following: dict[str, str] = {}
        for name in known if cursors is None else cursors:
            exported = known[name](context, userid, cursors[name] if cursors else None)
            found |= exported.parts
            following |= {name: exported.following} if exported.following else {}
        if cursors is None and (waiting := pending_rejections.of(context.db, userid)):
            found["refused"] = waiting
        return conditional(to_export(userid, found | {"next": paging.encode_cursors(following)}))

    return routes


def to_export(userid: str, parts: Mapping[str, Any]) -> Export:
    """The answer; what has no field of its own in it stands below `others`."""
    named = {name: part for name, part in parts.items() if name in Export.__struct_fields__}
    if others := {name: part for name, part in parts.items() if name not in named}:
        named["others"] = others
    return Export(userid, **named)


def apply(
    model: ReadModel[Any], store: Any, erasures: Erasures, session: ClientSession, events: Sequence[Event]
) -> Outcome:
    """A batch, in the transaction, and in the order of each partition's log."""
    erasing = [event for event in events if event.type == USER_ERASED]
    if not erasing and not any(event.belated for event in events):
        return model.apply(store, events)
    hold, judged = judge(erasures, session, erasing)
    for event in hold:
        if not event.everywhere:
            erasures.add_lone(session, event, hash_of(event.data.userid))
    erasures.add(session, [(event, hash_of(event.data.userid)) for event in hold if event.everywhere])
    if hold:
        pending_rejections.forget(erasures.db, session, hold)
    return added([judged, *_staged(model, store, erasures, session, _living(events, hold))])


def replay(
    model: ReadModel[Any], store: Any, erasures: Erasures, session: ClientSession, events: Sequence[Event]
) -> None:
    """The same for a rebuild, which follows what was decided when the batch was new, and notes nothing."""
    lone = erasures.lone()
    told = [event for event in events if not lone or not _before(lone, event)]
    copies = [event for event in told if event.type == USER_ERASED and event.everywhere]
    hold, _ = judge(erasures, session, copies, replayed=True)
    _staged(model, store, erasures, session, _living(told, hold))


def judge(
    erasures: Erasures, session: ClientSession, erasing: Sequence[Event], *, replayed: bool = False
) -> tuple[list[Event], Outcome]:
    """Those erasures that hold, and what becomes of the others: a copy that is known changes nothing, also where its
    own record is read again, and another erasure under its key is refused. `replayed` into a new generation, the
    records that held when they were new hold."""
    known = erasures.known(session, [event for event in erasing if event.everywhere]) if erasing else {}
    hold: list[Event] = []
    refusals: list[Refusal] = []
    repeated: list[str] = []
    for event in erasing:
        name = erasures.name_of(event)
        digest, receipt = known.get(name, ("", ""))
        if not event.everywhere or not receipt or (replayed and receipt == event.receipt):
            hold.append(event)
            known[name] = event.digest, event.receipt
        elif digest != event.digest:
            refusals.append(Refusal(event.receipt, USED_BEFORE, "conflict"))
        else:
            repeated.append(event.receipt)
    return hold, Outcome(0, repeated, refusals, erased=hold)


def _living(events: Sequence[Event], hold: Sequence[Event]) -> list[Event]:
    """All but the erasures that don't hold."""
    receipts = {event.receipt for event in hold}
    return [event for event in events if event.type != USER_ERASED or event.receipt in receipts]


def _staged(
    model: ReadModel[Any], store: Any, erasures: Erasures, session: ClientSession, events: Sequence[Event]
) -> list[Outcome]:
    gone = forgotten(erasures, session, [event for event in events if event.belated])
    # What was dropped counts as applied: it has been dealt with, and its receipt says stored.
    outcomes = [Outcome(len(gone), (), ())]
    for erasing, others in in_stages([event for event in events if event.receipt not in gone]):
        # A domain to which an erasure can come has `erase`: `ReadModel` sees to it.
        outcomes += [model.erase(store, erasing)] if erasing and model.erase else []
        outcomes += [model.apply(store, others)] if others else []
    return outcomes


def forgotten(erasures: Erasures, session: ClientSession | None, belated: Sequence[Event]) -> set[str]:
    """The receipts of those that come late, and that their users were erased after."""
    people = {event.receipt: hash_of(person_in(event)) for event in belated if person_in(event)}
    known = erasures.of(session, sorted(set(people.values()))) if people else {}
    return {
        event.receipt
        for event in belated
        if event.type != USER_ERASED
        and any(each.forgets(event) for each in known.get(people.get(event.receipt, ""), ()))
    }


def _before(lone: Mapping[str, datetime], event: Event) -> bool:
    """Whether an erasure that came in one partition alone took an event, or the event is such an erasure itself."""
    at = lone.get(hash_of(person_in(event)))
    return at is not None and event.time <= at and not event.everywhere


def hash_of(userid: str) -> str:
    return hashlib.sha256(userid.encode()).hexdigest()
