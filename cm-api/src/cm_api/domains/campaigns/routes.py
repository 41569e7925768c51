"""Queries over campaigns and their events: translate the request, ask memory or the store, shape the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, get_args

from flask import Blueprint, Response, request

from cm_api.domains.campaigns.cache import LiveSet
from cm_api.domains.campaigns.snapshot_cache import SharedSnapshots
from cm_api.domains.campaigns.store import CampaignStore, Cursor, Kind, When, is_selected, sort_of
from cm_api.http import paging
from cm_api.http.context import Context
from cm_api.http.freshness import has_offsets
from cm_api.sort_keys import moment_of, order_key
from shop_core.errors import MalformedRequest
from shop_core.events.campaigns import DOMAIN
from shop_core.events.dates import Form, format_date, parse_date
from shop_core.events.instants import Instant
from shop_core.http import query_args
from shop_core.http.app import conditional, in_path
from shop_core.http.problems import problem
from shop_core.mongo.client import Document
from shop_core.mongo.positions import Positions
from shop_core.responses.campaigns import (  # fmt: skip
    Campaign,
    CampaignEvent,
    CampaignEvents,
    Campaigns,
    LiveCampaigns,
    LiveEvents,
)

NO_CAMPAIGN, NO_EVENT = "There is no such campaign.", "There is no such event."
Shape = Callable[[Document, Form], Any]


def blueprint(context: Context) -> Blueprint:
    """/campaign-events and /events: lists, what is live, upcoming and ended, and each of them."""
    routes = Blueprint("campaigns", __name__)
    store = CampaignStore(context.db)
    positions = Positions(context.db, DOMAIN.group)
    shared = SharedSnapshots(context.shared) if context.shared else None
    live = LiveSet(store, lambda: positions.topic(DOMAIN.topic), shared=shared)
    context.follow(live)
    _lists(routes, context, store, live, "/campaign-events", "campaigns")
    _lists(routes, context, store, live, "/events", "campaign_events")

    @routes.get("/campaign-events/<segment:id>")
    def campaign(id: str) -> Response:
        form, _ = paging.read(("dates", "after"), form_arg, partial(in_path, "id", id))
        found = find(context, store, "campaigns", id)
        return conditional(to_campaign(found, form)) if found else problem(404, NO_CAMPAIGN)

    @routes.get("/events/<segment:id>")
    def event(id: str) -> Response:
        form, _ = paging.read(("dates", "after"), form_arg, partial(in_path, "id", id))
        found = find(context, store, "campaign_events", id)
        return conditional(to_event(found, form)) if found else problem(404, NO_EVENT)

    @routes.get("/campaign-events/<segment:id>/events")
    def events_of_campaign(id: str) -> Response:
        form, limit, cursor, _ = paging.read(
            ("dates", "limit", "cursor", "after"),
            form_arg,
            query_args.limit_arg,
            cursor_arg,
            partial(in_path, "id", id),
        )
        if find(context, store, "campaigns", id) is None:
            return problem(404, NO_CAMPAIGN)
        key = ("events of", id, cursor, limit)
        now = datetime.now(UTC)
        found = context.cache.get(key, lambda: store.page("campaign_events", "all", now, cursor, limit + 1, id))
        return conditional(page("campaign_events", found, limit, "all", form))

    return routes


def _lists(routes: Blueprint, context: Context, store: CampaignStore, live: LiveSet, path: str, kind: Kind) -> None:
    def listed_at(at: datetime, when: When, cursor: Cursor | None, limit: int) -> list[Document]:
        key = (kind, when, at, cursor, limit)
        found: list[Document] = context.cache.get(key, lambda: store.page(kind, when, at, cursor, limit + 1))
        return found

    def listed_now(when: When, cursor: Cursor | None, limit: int) -> list[Document]:
        """Those who ask within one second share the list of all that it may hold in it, unless it changes meanwhile."""
        now = datetime.now(UTC)
        second = now.replace(microsecond=0)
        found = listed_at(second + timedelta(seconds=when == "ended"), when, cursor, limit)
        return found if all(is_selected(when, doc, now) for doc in found) else listed_at(now, when, cursor, limit)

    def answer_list(when: When) -> Response:
        """A page of the database's; at this moment, or at another one."""
        known = ("dates", "limit", "cursor", "after", *(() if when == "all" else ("at",)))
        form, limit, cursor, at = paging.read(known, form_arg, query_args.limit_arg, cursor_arg, at_arg)
        context.await_after()
        found = listed_at(at, when, cursor, limit) if at else listed_now(when, cursor, limit)
        return conditional(page(kind, found, limit, when, form))

    def answer_live() -> Response:
        if "at" in request.args:
            return answer_list("live")
        known = ("dates", "limit", "cursor", "after", "at")
        form, limit, cursor = paging.read(known, form_arg, query_args.limit_arg, cursor_arg)
        context.await_after()
        now = live.get(kind, context.seen(DOMAIN.topic))
        has_offsets(now.offsets)
        items = [doc for doc in now.items if cursor is None or (doc["startDate"], doc["_id"]) > cursor]
        return conditional(live_page(kind, items[: limit + 1], limit, form, now.changes))

    def add(when: When, rule: str) -> None:
        view = answer_live if when == "live" else lambda: answer_list(when)
        routes.add_url_rule(rule, f"{kind} {when}", view)

    for when in get_args(When):
        add(when, f"{path}/" if when == "all" else f"{path}/{when}")


def find(context: Context, store: CampaignStore, kind: Kind, id: str) -> Document | None:
    context.await_after()
    found: Document | None = context.cache.get((kind, id), lambda: store.one(kind, id))
    return found


def form_arg() -> Form:
    """In which form dates are asked for: by name, else by the form of the date in the question."""
    asked: Form = "slash" if "/" in request.args.get("at", "") else "iso"
    form: Form = "slash" if query_args.choice_arg("dates", get_args(Form), asked) == "slash" else "iso"
    return form


def at_arg() -> datetime | None:
    text = request.args.get("at")
    return None if text is None else parse_date("at", text, error=MalformedRequest)


def cursor_arg() -> Cursor | None:
    order = paging.cursor_arg()
    return None if order is None else (moment_of(order), order[19:])


def page(kind: Kind, found: Sequence[Document], limit: int, when: When, form: Form) -> Campaigns | CampaignEvents:
    """The answer of a list; `found` is one more than is shown where there are more."""
    next_ = next_cursor(found, limit, sort_of(when)[0])
    if kind == "campaigns":
        return Campaigns([to_campaign(doc, form) for doc in found[:limit]], next_)
    return CampaignEvents([to_event(doc, form) for doc in found[:limit]], next_)


def live_page(
    kind: Kind, found: Sequence[Document], limit: int, form: Form, changes: datetime | None
) -> LiveCampaigns | LiveEvents:
    next_ = next_cursor(found, limit, "startDate")
    until = None if changes is None else format_date(changes, form)
    if kind == "campaigns":
        return LiveCampaigns([to_campaign(doc, form) for doc in found[:limit]], next_, until)
    return LiveEvents([to_event(doc, form) for doc in found[:limit]], next_, until)


def next_cursor(found: Sequence[Document], limit: int, field: str) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return paging.encode_cursor(order_key(last[field], last["_id"]))


def to_campaign(doc: Document, form: Form) -> Campaign:
    return Campaign(doc["_id"], doc["name"], shown(doc, "startDate", form), shown(doc, "endDate", form))


def shown(doc: Document, date: str, form: Form) -> str:
    """A date in the form asked for, its fraction in the digits that it was sent in."""
    return format_date(Instant.of(doc[date], doc.get(f"{date}Digits")), form)


def to_event(doc: Document, form: Form) -> CampaignEvent:
    start, end = shown(doc, "startDate", form), shown(doc, "endDate", form)
    return CampaignEvent(doc["_id"], doc["name"], doc["campaignEventId"], start, end)
