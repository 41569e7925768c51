"""Queries over analytics: one hour, and ranges of hours or days, as text, CSV or JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import get_args

from flask import Blueprint, Response, request

from cm_api.contract import Exported
from cm_api.domains.analytics.buckets import LENGTH, Bucket, Step
from cm_api.domains.analytics.cache import CountsCache
from cm_api.domains.analytics.store import AnalyticsStore
from cm_api.domains.analytics.working_set import Counted
from cm_api.http import paging
from cm_api.http.context import Context
from cm_api.http.freshness import has_offsets
from shop_core.errors import FieldFault, MalformedRequest
from shop_core.events.analytics import DOMAIN, read_milliseconds, to_milliseconds
from shop_core.events.instants import format_instant
from shop_core.http import query_args
from shop_core.http.app import conditional
from shop_core.mongo.positions import Positions
from shop_core.responses.analytics import Counts, Series, as_csv, as_text
from shop_core.responses.people import Visit

MOST_POINTS = 1000
DEFAULT_POINTS = 48
TEXT, CSV, JSON = "text/plain", "text/csv", "application/json"


def blueprint(context: Context) -> Blueprint:
    """/analytics and /analytics/series."""
    routes = Blueprint("analytics", __name__)
    positions = Positions(context.db, DOMAIN.group)
    memory = CountsCache(AnalyticsStore(context.db), lambda: positions.topic(DOMAIN.topic))

    @routes.get("/analytics")
    def hour() -> Response:
        asked_for = partial(read_milliseconds, "timestamp", request.args.get("timestamp"))
        (timestamp,) = paging.read(("timestamp", "after"), asked_for)
        bucket = Bucket.of("hour", timestamp)
        context.await_after()
        (counted,), offsets = memory.get([bucket], context.seen(DOMAIN.topic))
        has_offsets(offsets)
        counts = to_counts(bucket, counted)
        wants_json = request.accept_mimetypes.best_match([TEXT, JSON]) == JSON
        return varied(conditional(counts) if wants_json else conditional(as_text(counts), TEXT))

    @routes.get("/analytics/series")
    def series() -> Response:
        form, step, since, until = paging.read(
            ("from", "to", "step", "format", "after"),
            lambda: query_args.choice_arg("format", ("json", "csv"), accepted()),
            partial(query_args.choice_arg, "step", get_args(Step), "hour"),
            partial(moment_arg, "from"),
            partial(moment_arg, "to"),
        )
        buckets, wants_csv = buckets_asked_for(step, since, until, datetime.now(UTC)), form == "csv"
        context.await_after()
        counted, offsets = memory.get(buckets, context.seen(DOMAIN.topic))
        has_offsets(offsets)
        points = [to_counts(bucket, each) for bucket, each in zip(buckets, counted, strict=True)]
        if wants_csv:
            return varied(conditional(as_csv(points), CSV))
        first, last = buckets[0], buckets[-1]
        return varied(conditional(Series(first.step, points[0].start, format_instant(last.end), points)))

    return routes


def export(context: Context, userid: str, cursor: str | None) -> Exported:
    """In which hours and days it is still known that a user was there; one page, since these are few."""
    found = AnalyticsStore(context.db).visits(userid)
    visits = [Visit(each.step, format_instant(each.start), format_instant(until)) for each, until in found]
    return Exported({"visits": visits} if visits else {})


def buckets_asked_for(step: Step, since: int | None, until: int | None, now: datetime) -> list[Bucket]:
    """Every hour or day that `since` until before `until` touches; without them the last 48 hours, or days."""
    until = to_milliseconds(now) + 1 if until is None else until
    end = Bucket.of(step, until + LENGTH[step] - 1).number
    first = max(0, end - DEFAULT_POINTS) if since is None else Bucket.of(step, since).number
    if end <= first or (since is not None and until <= since):
        raise MalformedRequest(FieldFault("to", "must be after from"))
    if end - first > MOST_POINTS:
        raise MalformedRequest(FieldFault("from", f"must be at most {MOST_POINTS} {step}s before to"))
    return [Bucket(step, number) for number in range(first, end)]


def moment_arg(name: str) -> int | None:
    """Milliseconds since 1970, given so or by RFC 3339."""
    text = request.args.get(name)
    return None if text is None else read_milliseconds(name, text)


def accepted() -> str:
    return "csv" if request.accept_mimetypes.best_match([JSON, CSV]) == CSV else "json"


def to_counts(bucket: Bucket, counted: Counted) -> Counts:
    return Counts(format_instant(bucket.start), counted.users, counted.clicks, counted.impressions)


def varied(answer: Response) -> Response:
    """The answer, whose form depends on what the caller accepts."""
    answer.vary.add("Accept")
    return answer
