"""Queries pass through to cm-api: same path and arguments, its answer as it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
import urllib3
from flask import Blueprint, Response, request

from cm_server.compression import packed
from shop_core.errors import Outage
from shop_core.telemetry.logs import request_id

# A request may wait at most 10 s for its receipt; the rest is for the answer itself.
TIMEOUT = urllib3.Timeout(connect=1.0, read=13.0)
_DOWN = ("If-None-Match", "Accept")
_UP = ("ETag", "Cache-Control", "Retry-After", "Content-Type", "Vary", "X-Data-As-Of")


class QueryClient:
    """A pool of connections to cm-api; raises `Outage` when it doesn't answer. `token` makes the headers it wants."""

    def __init__(self, base_url: str, connections: int = 16, token: Callable[[], Mapping[str, str]] = dict) -> None:
        self._base = base_url
        self._token = token
        self._pool = urllib3.PoolManager(maxsize=connections, timeout=TIMEOUT, retries=urllib3.Retry(1, redirect=0))

    def get(self, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        """One GET; `path` is percent-encoded already."""
        sent = {"X-Request-Id": request_id.get() or ""} | dict(headers or {}) | dict(self._token())
        try:
            answer = self._pool.request("GET", f"{self._base}{path}" + (f"?{query}" if query else ""), headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise Outage(f"cm-api at {self._base} does not answer ({type(error).__name__})") from error
        if answer.status == 401:
            raise Outage("cm-api does not know this service: CM_API_TOKEN differs")
        return answer

    def ask(self, path: str, body: bytes | None, seconds: float) -> bytes | None:
        """The answer to a GET, or a POST of `body`; None when cm-api has none within `seconds`, for whatever reason."""
        sent = {"X-Request-Id": request_id.get() or "", "Content-Type": "application/json"} | dict(self._token())
        method, timeout = "GET" if body is None else "POST", urllib3.Timeout(total=seconds)
        try:
            answer = self._pool.request(
                method, f"{self._base}{path}", body=body, headers=sent, timeout=timeout, retries=False
            )
        except urllib3.exceptions.HTTPError:
            return None
        return answer.data if answer.status == 200 else None

    def forward(self, path: str, more: Mapping[str, str] | None = None) -> Response:
        """The answer of cm-api to the request in hand, at `path`; `more` are headers of ours for it."""
        headers = {name: request.headers[name] for name in _DOWN if name in request.headers} | dict(more or {})
        answer = self.get(path, request.query_string.decode("latin-1"), headers)
        if answer.status >= 500:
            raise Outage(f"cm-api answered {answer.status}")
        kept = {name: answer.headers[name] for name in _UP if name in answer.headers}
        return packed(Response(answer.data, answer.status, kept))

    def username_of(self, userid: str) -> str | None:
        """The name that a user last bought under."""
        answer = self.get(f"/v1/users/{segment(userid)}")
        return str(msgspec.json.decode(answer.data)["username"]) if answer.status == 200 else None

    def state(self, receipt: str, wait: float) -> dict[str, Any]:
        """`{"state": …}` of a receipt after at most `wait` seconds; accepted when cm-api can't say."""
        try:
            answer = self.get(f"/v1/receipts/{segment(receipt)}", f"wait={wait:.3f}")
        except Outage:
            return {"state": "accepted"}
        return msgspec.json.decode(answer.data) if answer.status == 200 else {"state": "accepted"}

    def check(self) -> None:
        """Raise `Outage` unless cm-api is alive."""
        try:
            status = self._pool.request("GET", f"{self._base}/healthz", timeout=1.0, retries=False).status
        except urllib3.exceptions.HTTPError as error:
            raise Outage(f"cm-api at {self._base} does not answer ({type(error).__name__})") from error
        if status != 200:
            raise Outage(f"cm-api at {self._base} answered {status}")


def segment(text: str) -> str:
    """`text` as one path segment."""
    return quote(text, safe="")


def pass_on(routes: Blueprint, client: QueryClient, path: str) -> None:
    """Answer GET of `path` by cm-api's answer at the same path."""

    def forward(**ids: str) -> Response:
        return client.forward(path.format(**{name: segment(value) for name, value in ids.items()}))

    rule = path.replace("{", "<segment:").replace("}", ">")
    routes.add_url_rule(rule, f"get {path}".replace(".", "_"), forward)
