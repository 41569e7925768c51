"""What both HTTP services have: health by dependency, metrics, body limits, conditional answers."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any

import msgspec
from flask import Flask, Response, request
from werkzeug.routing import UnicodeConverter

from shop_core.errors import FieldFault, MalformedRequest, ShopError
from shop_core.events.fields import check_text
from shop_core.http import problems
from shop_core.http.middleware import wrap
from shop_core.http.request_target import SLASH
from shop_core.http.worker.thread_slots import ASIDE
from shop_core.telemetry import metrics
from shop_core.telemetry.request_summary import EXTENSION, RequestSummary
from shop_runtime import content_coding

log = logging.getLogger(__name__)
BODY_LIMIT = 16 * 1024
MAX_WAIT_SECONDS = 10.0
# From cm-server to cm-api: show this user's alone. Percent-encoded.
OWNER_HEADER = "X-Shop-Owner"
# From cm-server to cm-ops: who it is that asks. Percent-encoded.
CALLER_HEADER = "X-Shop-Caller"
Check = Callable[[], None]
Circuit = Callable[[], str]


class Segment(UnicodeConverter):
    """One path segment that may hold an encoded slash, as a user's name may."""

    def to_python(self, value: str) -> str:
        return value.replace(SLASH, "/")

    def to_url(self, value: str) -> str:
        return super().to_url(value.replace("/", "%2F"))


class App(Flask):
    """Flask without asking of each view and hook, at each request, whether it is a coroutine: none of ours is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def make_app(
    name: str,
    checks: Mapping[str, Check],
    prefixes: Iterable[str] = ("",),
    elsewhere: str = "",
    circuits: Mapping[str, Circuit] = MappingProxyType({}),
) -> Flask:
    """A Flask app with everything a service of ours has but its routes; health answers under each of `prefixes`.

    `elsewhere` is told to who asks for what this service has not; `circuits` tell of a dependency whether it is asked.
    """
    app = App(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.url_map.converters["segment"] = Segment
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    summary = app.extensions[EXTENSION] = RequestSummary()
    app.wsgi_app = wrap(app.wsgi_app, summary)  # type: ignore[method-assign, assignment]
    problems.install(app, elsewhere)
    for prefix in prefixes:
        app.add_url_rule(
            f"{prefix}/healthz", f"healthz{prefix}", lambda: Response("Success", content_type="text/plain")
        )
        app.add_url_rule(f"{prefix}/readyz", f"readyz{prefix}", lambda: _ready(checks, circuits))
        app.add_url_rule(f"{prefix}/metrics", f"metrics{prefix}", _metrics)
    return app


def aside() -> AbstractContextManager[object]:
    """While it lasts, the request in hand only waits, and its turn to work is another's."""
    made: AbstractContextManager[object] = request.environ.get(ASIDE, nullcontext)()
    return made


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body) + b"\n", status, headers, content_type="application/json")


def conditional(body: Any, kind: str = "application/json") -> Response:
    """A read's answer with its ETag, or 304 when the caller has it already; of another `kind`, `body` is its text."""
    is_json = kind == "application/json"
    payload = msgspec.json.encode(body) + b"\n" if is_json else body.encode()
    answer = Response(payload, content_type=kind if is_json else f"{kind}; charset=utf-8")
    answer.set_etag(hashlib.sha256(payload).hexdigest()[:32])
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.make_conditional(request)  # turns into a 304 in place
    return answer


def in_path(field: str, value: str) -> str:
    """A name or id in the address; a bad one is a `MalformedRequest`."""
    return check_text(field, value, error=MalformedRequest)


def seconds_to_wait(field: str, text: str | None) -> float:
    """A wait in seconds, 0 where there is none, cut to the limit; `MalformedRequest` when it is not a number."""
    if text is None:
        return 0.0
    if not re.fullmatch(r"[0-9]+(\.[0-9]{1,3})?", text):
        raise MalformedRequest(FieldFault(field, "must be a number of seconds"))
    return min(float(text), MAX_WAIT_SECONDS)


def readiness(
    checks: Mapping[str, Check], circuits: Mapping[str, Circuit] = MappingProxyType({})
) -> tuple[bool, dict[str, dict[str, Any]]]:
    """Whether every dependency answers, and for each by name: ok, what kind of fault there is, and its circuit's state.

    Outsiders may ask as well, so where it is and what exactly it said is in the log only.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        try:
            check()
            found[name] = {"ok": True, "detail": "answers"}
        except Exception as error:  # a fault of the check's own hides nothing of the others
            unknown = None if isinstance(error, ShopError) else error
            log.warning("dependency_away", extra={"dependency": name, "error": str(error)}, exc_info=unknown)
            found[name] = {"ok": False, "detail": _kind_of(error)}
        if name in circuits:
            found[name]["circuit"] = circuits[name]()
    return all(each["ok"] for each in found.values()), found


def _kind_of(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, ShopError) else error
    return "does not answer" + (f" ({type(cause).__name__})" if cause is not None else "")


def _ready(checks: Mapping[str, Check], circuits: Mapping[str, Circuit]) -> Response:
    ok, dependencies = readiness(checks, circuits)
    return json_answer({"ready": ok, "dependencies": dependencies}, 200 if ok else 503)


def _metrics() -> Response:
    """In gzip for who takes it, as Prometheus does: the text is long, and asked for every few seconds."""
    answer = Response(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")
    answer.vary.add("Accept-Encoding")
    if content_coding.takes_gzip(request.headers.get("Accept-Encoding", "")):
        answer.set_data(content_coding.packed(answer.get_data()))
        answer.headers["Content-Encoding"] = "gzip"
    return answer
