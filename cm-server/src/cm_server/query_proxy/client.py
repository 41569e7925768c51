"""Queries pass through to cm-api: same path and arguments, its answer as it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import urllib3
from flask import Blueprint, Response, request

from cm_server.compression import packed
from cm_server.query_proxy import kept_connections
from cm_server.query_proxy.circuit_breaker import CircuitBreaker, CircuitOpen
from cm_server.query_proxy.waiting import Waiting
from shop_core.errors import Unavailable
from shop_core.http.app import MAX_WAIT_SECONDS
from shop_core.http.problems import RETRY_AFTER_SECONDS, not_taken, problem
from shop_core.http.worker.thread_slots import THREADS_A_TURN
from shop_core.telemetry.logs import request_id

ANSWER_SECONDS = 3.5  # for cm-api to answer, besides what it may wait for a receipt
Change = Callable[[bytes], bytes]
_DOWN = ("If-None-Match", "Accept")
_UP = ("ETag", "Cache-Control", "Retry-After", "Content-Type", "Vary", "X-Data-As-Of")
_WAITS = re.compile(rb"(?:^|&)(?:after|wait)=")


class QueryClient:
    """A pool of connections to cm-api; raises `Unavailable` when it doesn't answer. `token` makes the headers it wants.

    Addresses go out as they are: no dot segment is removed from them, since a user may be called `..`.
    """

    def __init__(self, base_url: str, threads: int = 16, token: Callable[[], Mapping[str, str]] = dict) -> None:
        self._base = base_url
        self._token = token
        self._path = urllib3.util.parse_url(base_url).path or ""
        self._pool = urllib3.connection_from_url(base_url, maxsize=threads * THREADS_A_TURN, retries=False)
        self.circuit = CircuitBreaker(max(1, threads // 4))
        self.waiting = Waiting.beside(threads)

    def get(
        self, path: str, query: str = "", headers: Mapping[str, str] | None = None, wait: float = 0.0
    ) -> urllib3.BaseHTTPResponse:
        """One GET, which may `wait` so many seconds there; `path` is percent-encoded already."""
        sent = {"X-Request-Id": request_id.get() or ""} | dict(headers or {}) | dict(self._token())
        target = f"{self._path}{path}" + (f"?{query}" if query else "")
        try:
            with self.circuit.watched(wait + ANSWER_SECONDS, wait <= 0):
                answer = kept_connections.get(self._pool, target, sent, wait + ANSWER_SECONDS)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"cm-api at {self._base} does not answer ({type(error).__name__})") from error
        if answer.status == 401:
            raise Unavailable("cm-api does not know this service: CM_API_TOKEN differs")
        return answer

    def ask(self, path: str, body: bytes | None, seconds: float) -> bytes | None:
        """The answer to a GET, or a POST of `body`; None when cm-api has none within `seconds`, for whatever reason."""
        sent = {"X-Request-Id": request_id.get() or "", "Content-Type": "application/json"} | dict(self._token())
        method, timeout = "GET" if body is None else "POST", urllib3.Timeout(total=seconds)
        target = f"{self._path}{path}"
        try:
            answer = self._pool.urlopen(method, target, body=body, headers=sent, timeout=timeout, retries=False)
        except urllib3.exceptions.HTTPError:
            return None
        return answer.data if answer.status == 200 else None

    def forward(self, path: str, more: Mapping[str, str] | None = None, change: Change | None = None) -> Response:
        """The answer of cm-api to the request in hand, at `path`; `more` are headers of ours for it, `change` makes it
        one for this caller."""
        query = request.query_string.decode("latin-1")  # ASCII: `shop_core.http.request_target` saw to that
        if not _WAITS.search(request.query_string):
            return self._forwarded(path, query, more, change)
        with self.waiting.given() as given:
            if given:
                return self._forwarded(path, query, more, change, MAX_WAIT_SECONDS)
        if "after" in request.args and self.state(request.args["after"], 0.0)["state"] == "accepted":
            detail = "The read model does not have this receipt yet, and too many wait for theirs: ask again."
            return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return self._forwarded(path, re.sub(r"(^|&)wait=[0-9.]+(?=&|$)", r"\1wait=0", query), more, change)

    def _forwarded(
        self, path: str, query: str, more: Mapping[str, str] | None, change: Change | None, wait: float = 0.0
    ) -> Response:
        headers = {name: request.headers[name] for name in _DOWN if name in request.headers} | dict(more or {})
        answer = self.get(path, query, headers, wait)
        if answer.status >= 500:
            raise Unavailable(f"cm-api answered {answer.status}")
        kept = {name: answer.headers[name] for name in _UP if name in answer.headers}
        data = change(answer.data) if change and answer.status == 200 else answer.data
        return packed(Response(data, answer.status, kept))

    def username_of(self, userid: str) -> str | None:
        """The name that a user last bought under."""
        answer = self.get(f"/v1/users/{segment(userid)}")
        return str(msgspec.json.decode(answer.data)["username"]) if answer.status == 200 else None

    def state(self, receipt: str, wait: float) -> dict[str, Any]:
        """`{"state": …}` of a receipt after at most `wait` seconds; accepted when cm-api can't say."""
        try:
            answer = self.get(f"/v1/receipts/{segment(receipt)}", f"wait={wait:.3f}", wait=wait)
        except Unavailable:
            return {"state": "accepted"}
        return msgspec.json.decode(answer.data) if answer.status == 200 else {"state": "accepted"}

    def states(self, receipts: Sequence[str]) -> list[dict[str, Any]] | None:
        """What became of each receipt; None when cm-api does not say."""
        if self.circuit.state == "open":
            return None
        body = msgspec.json.encode({"receipts": receipts})
        found = self.ask("/v1/receipts", body, ANSWER_SECONDS)
        return None if found is None else msgspec.json.decode(found)

    def check(self) -> None:
        """Raise `Unavailable` unless cm-api is alive and is asked."""
        try:
            target = f"{self._path}/healthz"
            status = self._pool.urlopen("GET", target, redirect=False, timeout=1.0, retries=False).status
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"cm-api at {self._base} does not answer ({type(error).__name__})") from error
        if status != 200:
            raise Unavailable(f"cm-api at {self._base} answered {status}")
        self.circuit.check()  # it may be alive and answer nobody


def not_asked(error: CircuitOpen) -> Response:
    """The answer while cm-api is not asked; without a line in the log for each, since there are many."""
    return problem(*not_taken(error), headers={"Retry-After": str(error.retry_after)})


def segment(text: str) -> str:
    """`text` as one path segment. Dots alone would be a way up or nowhere (RFC 3986 §5.2.4), so they are encoded."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def pass_on(
    routes: Blueprint, client: QueryClient, path: str, change: Callable[[], Change | None] | None = None
) -> None:
    """Answer GET of `path` by cm-api's answer at the same path, as `change` has it for the caller."""

    def forward(**ids: str) -> Response:
        place = path.format(**{name: segment(value) for name, value in ids.items()})
        return client.forward(place, change=change() if change else None)

    rule = path.replace("{", "<segment:").replace("}", ">")
    routes.add_url_rule(rule, f"get {path}".replace(".", "_"), forward)
