"""What surrounds every request, whoever answers it: its id, its time, guarding headers, and its address read once.

On WSGI's own level, where a header costs a tenth of what it costs in Flask: half of the answers here are so small that
this is most of their work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from shop_core.events.trace_context import REQUEST_ID
from shop_core.http.problems import problem
from shop_core.http.request_target import BadTarget, read_target
from shop_core.http.security_headers import SECURITY_HEADERS
from shop_core.telemetry import metrics
from shop_core.telemetry.logs import request_id
from shop_core.telemetry.request_summary import RequestSummary

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def wrap(wsgi: Wsgi, summary: RequestSummary) -> Wsgi:
    """`wsgi` with all of this around it; its requests are counted in `summary` as well."""

    def middleware(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        id = given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        request_id.set(id)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            named = {name for name, _ in headers}
            headers.append(("X-Request-Id", id))
            headers.extend(guard for guard in SECURITY_HEADERS if guard[0] not in named)
            record_metrics(environ, int(status[:3]), time.perf_counter() - started, summary)
            return start_response(status, headers, exc_info)

        try:
            if "RAW_URI" in environ:
                environ["PATH_INFO"], environ["QUERY_STRING"] = read_target(environ["RAW_URI"])
        except BadTarget as error:
            return problem(400, str(error))(environ, start)
        return wsgi(environ, start)

    return middleware


def record_metrics(environ: Environ, status: int, seconds: float, summary: RequestSummary) -> None:
    """Count the request by its route, never by its path, and by no word of the client's own."""
    request = environ.get("werkzeug.request")  # none where its address could not be read
    rule = request.url_rule if request is not None else None
    method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else "-"
    route = rule.rule if rule else "-"
    metrics.http_seconds(route, method, status).observe(seconds)
    summary.add(method, route, status, seconds)
