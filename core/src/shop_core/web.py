"""What both HTTP services have: request ids, metrics, health by dependency, body limits, conditional answers."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from flask import Flask, Response, g, request
from werkzeug.routing import UnicodeConverter

from shop_core import problems
from shop_core.errors import FieldFault, InvalidInput, Outage
from shop_core.events.fields import check_text
from shop_core.telemetry import metrics
from shop_core.telemetry.logs import request_id

BODY_LIMIT = 16 * 1024
SWALLOW_LIMIT = 4 * 1024 * 1024
MAX_WAIT_SECONDS = 10.0
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# An answer that is no page of ours: no browser may run, frame or take it for one. Pages say their own.
GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
# From cm-server to cm-api: show this user's alone. Percent-encoded.
OWNER_HEADER = "X-Shop-Owner"
_SLASH = "\x1f"  # stands for an encoded slash inside one path segment; no valid name holds a control character
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
Check = Callable[[], None]


class Segment(UnicodeConverter):
    """One path segment that may hold an encoded slash, as a user's name may."""

    def to_python(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_url(self, value: str) -> str:
        return super().to_url(value.replace("/", "%2F"))


def make_app(name: str, checks: Mapping[str, Check], prefixes: Iterable[str] = ("",)) -> Flask:
    """A Flask app with everything a service of ours has but its routes; health answers under each of `prefixes`."""
    app = Flask(name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.url_map.converters["segment"] = Segment
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.wsgi_app = _keep_encoded_slashes(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_end)
    problems.install(app)
    for prefix in prefixes:
        app.add_url_rule(
            f"{prefix}/healthz", f"healthz{prefix}", lambda: Response("Success", content_type="text/plain")
        )
        app.add_url_rule(f"{prefix}/readyz", f"readyz{prefix}", lambda: _ready(checks))
        app.add_url_rule(f"{prefix}/metrics", f"metrics{prefix}", _metrics)
    return app


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, content_type="application/json")


def conditional(body: Any, kind: str = "application/json") -> Response:
    """A read's answer with its ETag, or 304 when the caller has it already; of another `kind`, `body` is its text."""
    is_json = kind == "application/json"
    payload = msgspec.json.encode(body) if is_json else body.encode()
    answer = Response(payload, content_type=kind if is_json else f"{kind}; charset=utf-8")
    answer.set_etag(hashlib.sha256(payload).hexdigest()[:32])
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.make_conditional(request)  # turns into a 304 in place
    return answer


def in_path(field: str, value: str) -> str:
    """A name or id in the address; a bad one is a fault of the request (400)."""
    return check_text(field, value, status=400)


def seconds_to_wait(field: str, text: str | None) -> float:
    """A wait in seconds, 0 where there is none, cut to the limit; `InvalidInput` (400) when it is not a number."""
    if text is None:
        return 0.0
    if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text, re.ASCII):
        raise InvalidInput(FieldFault(field, "must be a number of seconds"), status=400)
    return min(float(text), MAX_WAIT_SECONDS)


def readiness(checks: Mapping[str, Check]) -> tuple[bool, dict[str, dict[str, Any]]]:
    """Whether every dependency answers, and for each by name: ok and what is wrong."""
    found: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        try:
            check()
            found[name] = {"ok": True, "detail": "answers"}
        except Outage as error:
            found[name] = {"ok": False, "detail": str(error)}
    return all(each["ok"] for each in found.values()), found


def _ready(checks: Mapping[str, Check]) -> Response:
    ok, dependencies = readiness(checks)
    return json_answer({"ready": ok, "dependencies": dependencies}, 200 if ok else 503)


def _metrics() -> Response:
    return Response(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    request_id.set(given if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex())


def _end(response: Response) -> Response:
    _take_in_body(response)
    response.headers["X-Request-Id"] = request_id.get() or ""
    for name, value in GUARDS.items():
        response.headers.setdefault(name, value)
    route = request.url_rule.rule if request.url_rule else "-"
    method = request.method if request.method in METHODS else "-"  # whatever else a client calls it is its own word
    metrics.http_seconds(route, method, response.status_code).observe(time.perf_counter() - g.started)
    return response


def _take_in_body(response: Response) -> None:
    """Read what a route left of the body, within bounds, before its answer goes out.

    Else the sender of a body that is too large sees a reset instead of the answer, and gunicorn, which discards the
    rest after the answer, may read the next request of the connection with it and then wait for what it has already.
    """
    if not ("CONTENT_LENGTH" in request.environ or "HTTP_TRANSFER_ENCODING" in request.environ):
        return
    body, left = request.environ["wsgi.input"], SWALLOW_LIMIT
    while left > 0 and (piece := body.read(min(left, 65536))):
        left -= len(piece)
    if left < SWALLOW_LIMIT and (left <= 0 or response.status_code in (408, 413)):
        response.headers["Connection"] = "close"


def _keep_encoded_slashes(wsgi: Any) -> Any:
    """WSGI decodes %2F before routing; give it back a stand-in, so that a name with a slash stays one segment."""

    def middleware(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("RAW_URI", "").partition("?")[0]
        if "%2f" in path.lower():
            marked = re.sub("%2f", "%1F", path, flags=re.IGNORECASE)
            environ["PATH_INFO"] = _unquote(marked)
        return wsgi(environ, start_response)

    return middleware


def _unquote(path: str) -> str:
    return unquote_to_bytes(path).decode("latin-1")
