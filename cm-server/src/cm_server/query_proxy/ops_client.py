"""What operators ask goes on to cm-ops, by a way of its own: whether it answers is nothing to those who buy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

import urllib3
from flask import Response, request

from cm_server.compression import packed
from cm_server.query_proxy import kept_connections
from cm_server.query_proxy.circuit_breaker import CircuitBreaker, CircuitOpen
from shop_core.errors import Unavailable
from shop_core.http.app import CALLER_HEADER, aside
from shop_core.http.problems import RETRY_AFTER_SECONDS, problem
from shop_core.http.worker.thread_slots import THREADS_A_TURN
from shop_core.telemetry.logs import request_id

ANSWER_SECONDS = 3.5  # a little more than cm-ops waits for Kafka and MongoDB
# A letter that is sent again is watched, and there may be many.
WRITTEN_SECONDS = 20.0
_UP = ("Cache-Control", "Retry-After", "Content-Type")


class OpsAway(Unavailable):
    """cm-ops itself does not answer."""

    def __init__(self) -> None:
        super().__init__("cm-ops does not answer")


class OpsClient:
    """A pool of connections to cm-ops. `token` makes the headers that it wants."""

    def __init__(self, base_url: str, threads: int = 16, token: Callable[[], Mapping[str, str]] = dict) -> None:
        self._pool = urllib3.connection_from_url(base_url, maxsize=threads * THREADS_A_TURN, retries=False)
        self._base_url = base_url
        self._path = urllib3.util.parse_url(base_url).path or ""
        self._token = token
        self._circuit = CircuitBreaker(max(1, threads // 4), name="cm-ops")

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """The answer to one GET, an error of Kafka's or MongoDB's as well; `OpsAway` where there is none."""
        try:
            with self._circuit.watched(ANSWER_SECONDS):
                answer = kept_connections.get(self._pool, f"{self._path}{path}", self._headers(), ANSWER_SECONDS)
        except (urllib3.exceptions.HTTPError, CircuitOpen) as error:
            raise OpsAway from error
        return _known(answer)

    def post(self, path: str, body: bytes, caller: str) -> urllib3.BaseHTTPResponse:
        """The answer to one POST for a caller; over a connection of its own, since it can't be sent twice."""
        named = {"Content-Type": "application/json", "Connection": "close", CALLER_HEADER: quote(caller)}
        timeout = urllib3.Timeout(connect=kept_connections.CONNECT_SECONDS, read=WRITTEN_SECONDS)
        try:
            with (
                self._circuit.watched(WRITTEN_SECONDS, False),
                urllib3.connection_from_url(self._base_url, retries=False) as fresh,
            ):
                answer = fresh.urlopen(
                    "POST", f"{self._path}{path}", body=body, headers=self._headers() | named, timeout=timeout
                )
        except (urllib3.exceptions.HTTPError, CircuitOpen) as error:
            raise OpsAway from error
        return _known(answer)

    def _headers(self) -> dict[str, str]:
        return {"X-Request-Id": request_id.get() or ""} | dict(self._token())

    def forward(self, path: str, body: bytes | None = None, caller: str = "") -> Response:
        """The same, for the request in hand, which only waits meanwhile."""
        query = request.query_string.decode("latin-1")  # ASCII: `shop_core.http.request_target` saw to that
        with aside():
            answer = self.get(f"{path}?{query}" if query else path) if body is None else self.post(path, body, caller)
        kept = {name: answer.headers[name] for name in _UP if name in answer.headers}
        return packed(Response(answer.data, answer.status, kept))


def _known(answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    if answer.status == 401:
        raise Unavailable("cm-ops does not know this service: CM_API_TOKEN differs")
    return answer


def answered(ops: OpsClient | None, path: str, body: bytes | None = None, caller: str = "") -> Response:
    """What cm-ops says to the request in hand; 404 where none runs."""
    if ops is None:
        return problem(404, "No cm-ops runs beside this shop: CM_OPS_URL names none.")
    return ops.forward(path, body, caller)


def away(error: OpsAway) -> Response:
    return problem(503, f"{error}; the shop may be well.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
