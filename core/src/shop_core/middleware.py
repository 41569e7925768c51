"""What surrounds every request, whoever answers it: its id, its time, guarding headers, a body taken in, %2F in paths.

On WSGI's own level, where a header costs a tenth of what it costs in Flask: half of the answers here are so small that
this is most of their work.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException

from shop_core.telemetry import metrics
from shop_core.telemetry.logs import request_id

SWALLOW_LIMIT = 4 * 1024 * 1024
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# An answer that is no page of ours: no browser may run, frame or take it for one. Pages say their own.
GUARDS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
SLASH = "\x1f"  # stands for an encoded slash inside one path segment; no valid name holds a control character
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def surrounded(wsgi: Wsgi) -> Wsgi:
    """`wsgi` with all of this around it."""

    def middleware(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        id = given if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        request_id.set(id)
        keep_encoded_slashes(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            code = int(status[:3])
            if not taken_in(environ, code):
                headers.append(("Connection", "close"))
            named = {name for name, _ in headers}
            headers.append(("X-Request-Id", id))
            headers.extend(guard for guard in GUARDS if guard[0] not in named)
            observe(environ, code, time.perf_counter() - started)
            return start_response(status, headers, exc_info)

        return wsgi(environ, start)

    return middleware


def observe(environ: Environ, status: int, seconds: float) -> None:
    """Count the request by its route, never by its path, and by no word of the client's own."""
    rule = environ["werkzeug.request"].url_rule
    method = environ["REQUEST_METHOD"]
    metrics.http_seconds(rule.rule if rule else "-", method if method in METHODS else "-", status).observe(seconds)


def taken_in(environ: Environ, status: int) -> bool:
    """Read what a route left of the body, within bounds, before its answer goes out; False where the connection must
    end with it.

    Else the sender of a body that is too large sees a reset instead of the answer, and gunicorn, which discards the
    rest after the answer, may read the next request of the connection with it and then wait for what it has already.
    """
    if not ("CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ):
        return True
    body, left = environ["wsgi.input"], SWALLOW_LIMIT
    try:
        while left > 0 and (piece := body.read(min(left, 65536))):
            left -= len(piece)
    except HTTPException:  # it came too late, or its sender is gone
        return False
    return left == SWALLOW_LIMIT or (left > 0 and status not in (408, 413))


def keep_encoded_slashes(environ: Environ) -> None:
    """WSGI decodes %2F before routing; give it back a stand-in, so that a name with a slash stays one segment."""
    path = environ.get("RAW_URI", "").partition("?")[0]
    if "%2f" in path.lower():
        marked = re.sub("%2f", "%1F", path, flags=re.IGNORECASE)
        environ["PATH_INFO"] = unquote_to_bytes(marked).decode("latin-1")
