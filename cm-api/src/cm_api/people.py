"""Persons, over every domain: what is kept of one, and how one is erased and stays so.

An erasure is remembered by the hash of the user's id, as the record of it and so that what was said before it and
comes late, from another partition or out of the dead letters, changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

from flask import Blueprint, Response

from cm_api import queries, refused
from cm_api.context import Context
from cm_api.domains import rooms
from cm_api.outcome import Outcome
from shop_core.answers.people import Export
from shop_core.events.envelope import Event
from shop_core.events.people import USER_ERASED
from shop_core.mongo import ClientSession, Erasures
from shop_core.telemetry import metrics
from shop_core.web import conditional, in_path


def blueprint(context: Context) -> Blueprint:
    """/v1/users/{userid}/export."""
    routes = Blueprint("people", __name__)

    @routes.get("/v1/users/<segment:userid>/export")
    def export(userid: str) -> Response:
        _, cursor = queries.read(("cursor", "after"), partial(in_path, "userid", userid), queries.cursor_arg)
        context.await_after()
        found: dict[str, Any] = {"profile": None, "purchases": [], "reviews": [], "next": None}
        for room in rooms():
            if hasattr(room, "export"):  # the others know nobody: tests/contract/test_people.py
                found |= room.export(context, userid, cursor)
        if cursor is None and (waiting := refused.of(context.db, userid)):
            found["refused"] = waiting
        return conditional(Export(userid, **found))

    return routes


def forget(
    room: ModuleType, store: Any, erasures: Erasures, session: ClientSession, events: Sequence[Event]
) -> tuple[list[Event], Outcome]:
    """Erase whom the batch says, in the transaction; the events that remain to be applied, and what the erasing did."""
    erasing = [event for event in events if event.type == USER_ERASED]
    others = [event for event in events if event.type != USER_ERASED]
    for event in erasing:
        erasures.add(session, hash_of(event.data.userid), event.time, event.data.by, event.receipt)
    outcome = Outcome(0, 0, ())
    if erasing:
        outcome = room.erase(store, erasing)
        for topic in {event.receipt.rsplit("-", 2)[0] for event in erasing}:
            refused.forget(erasures.db, session, topic, [event.data.userid for event in erasing])
        metrics.ERASED.inc(len(erasing))
    people = [person_in(event) for event in others]
    if not any(people) or not erasures.any(session):
        return others, outcome
    hashes = {person: hash_of(person) for person in people if person}
    known = erasures.of(session, sorted(hashes.values()))
    since = (known.get(hashes.get(person, "")) for person in people)
    living = [event for event, at in zip(others, since, strict=True) if at is None or event.time > at]
    # What was dropped counts as applied: it has been dealt with, and its receipt says stored.
    return living, replace(outcome, applied=outcome.applied + len(others) - len(living))


def person_in(event: Event) -> str:
    """The id of the user whom an event is about; empty where it is about nobody."""
    return str(getattr(event.data, "userid", "") or getattr(event.data, "user", ""))


def together(one: Outcome, other: Outcome) -> Outcome:
    """Both in one: what the batch came to."""
    return replace(
        other,
        applied=one.applied + other.applied,
        derived=[*one.derived, *other.derived],
        changed=one.changed | other.changed,
    )


def hash_of(userid: str) -> str:
    return hashlib.sha256(userid.encode()).hexdigest()
