"""The current hour's counts from this worker's memory: most who read ask for it, and a round trip each would cost more
than the answer is worth.

cm-api's answer is at most half a second behind; it is kept for less than that, so that both stay below one second.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from flask import Response, request
from werkzeug.datastructures import Headers

from cm_server.query_proxy.client import QueryClient
from shop_core.errors import Unavailable
from shop_core.events.analytics import to_milliseconds
from shop_core.responses.analytics import Counts, as_text

HOUR = 3_600_000
ASK_AGAIN_AFTER = 0.15
KEPT = 0.4
_QUERY = re.compile(r"timestamp=([0-9]{1,15})", re.ASCII)
TEXT, JSON = "text/plain", "application/json"


@dataclass(frozen=True)
class _Kept:
    """An answer in both its forms: body and headers."""

    hour: int
    asked: float
    text: tuple[bytes, Headers]
    json: tuple[bytes, Headers]


class CurrentHour:
    """One worker's. While one request asks cm-api again, the others go on with what is there."""

    def __init__(self, queries: QueryClient, now: Callable[[], datetime]) -> None:
        self._queries = queries
        self._now = now
        self._asking = threading.Lock()
        self._kept: _Kept | None = None

    def answer(self) -> Response | None:
        """The answer to the request in hand, None where it asks for another hour or in another way."""
        # As it came, since taking arguments and headers apart costs as much as all the rest here.
        environ = request.environ
        asked_for = _QUERY.fullmatch(environ.get("QUERY_STRING", ""))
        hour = to_milliseconds(self._now()) // HOUR
        if asked_for is None or int(asked_for[1]) // HOUR != hour:
            return None
        kept = self._counts(hour)
        accept = environ.get("HTTP_ACCEPT", "*/*")
        wants_text = accept == "*/*" or request.accept_mimetypes.best_match([TEXT, JSON]) != JSON
        body, headers = kept.text if wants_text else kept.json
        answer = Response(body, headers=Headers(headers))
        if "HTTP_IF_NONE_MATCH" in environ:
            answer.make_conditional(request)  # turns into a 304 in place
        return answer

    def _counts(self, hour: int) -> _Kept:
        kept = self._kept
        age = time.monotonic() - kept.asked if kept is not None else KEPT
        if kept is None or kept.hour != hour or age >= KEPT:
            with self._asking:
                newer = self._kept
                return newer if newer is not None and newer is not kept and newer.hour == hour else self._ask(hour)
        if age >= ASK_AGAIN_AFTER and self._asking.acquire(blocking=False):
            try:
                return self._ask(hour)
            finally:
                self._asking.release()
        return kept

    def _ask(self, hour: int) -> _Kept:
        asked = time.monotonic()
        found = self._queries.get("/analytics", f"timestamp={hour * HOUR}", {"Accept": JSON})
        if found.status != 200:
            raise Unavailable(f"cm-api answered {found.status}")
        counts = msgspec.json.decode(found.data, type=Counts)
        shared = {name: found.headers[name] for name in ("Cache-Control", "X-Data-As-Of", "Vary")}
        text, etag = as_text(counts).encode(), hashlib.sha256(found.data).hexdigest()[:30]
        self._kept = _Kept(
            hour,
            asked,
            (text, Headers(shared | {"Content-Type": f"{TEXT}; charset=utf-8", "ETag": f'"{etag}-t"'})),
            (found.data, Headers(shared | {"Content-Type": JSON, "ETag": f'"{etag}-j"'})),
        )
        return self._kept
