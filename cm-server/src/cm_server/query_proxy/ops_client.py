"""What operators ask goes on to cm-ops, by a way of its own: whether it answers is nothing to those who buy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import urllib3
from flask import Response

from cm_server.compression import packed
from cm_server.query_proxy import kept_connections
from cm_server.query_proxy.circuit_breaker import CircuitBreaker, CircuitOpen
from shop_core.errors import Unavailable
from shop_core.http.app import aside
from shop_core.http.worker.thread_slots import THREADS_A_TURN
from shop_core.telemetry.logs import request_id

ANSWER_SECONDS = 3.5  # a little more than cm-ops waits for Kafka and MongoDB
_UP = ("Cache-Control", "Retry-After", "Content-Type")


class OpsAway(Unavailable):
    """cm-ops itself does not answer."""

    def __init__(self) -> None:
        super().__init__("cm-ops does not answer")


class OpsClient:
    """A pool of connections to cm-ops. `token` makes the headers that it wants."""

    def __init__(self, base_url: str, threads: int = 16, token: Callable[[], Mapping[str, str]] = dict) -> None:
        self._pool = urllib3.connection_from_url(base_url, maxsize=threads * THREADS_A_TURN, retries=False)
        self._path = urllib3.util.parse_url(base_url).path or ""
        self._token = token
        self._circuit = CircuitBreaker(max(1, threads // 4), name="cm-ops")

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """The answer to one GET, an error of Kafka's or MongoDB's as well; `OpsAway` where there is none."""
        headers = {"X-Request-Id": request_id.get() or ""} | dict(self._token())
        try:
            with self._circuit.watched(ANSWER_SECONDS):
                answer = kept_connections.get(self._pool, f"{self._path}{path}", headers, ANSWER_SECONDS)
        except (urllib3.exceptions.HTTPError, CircuitOpen) as error:
            raise OpsAway from error
        if answer.status == 401:
            raise Unavailable("cm-ops does not know this service: CM_API_TOKEN differs")
        return answer

    def forward(self, path: str) -> Response:
        """The same, for the request in hand, which only waits meanwhile."""
        with aside():
            answer = self.get(path)
        kept = {name: answer.headers[name] for name in _UP if name in answer.headers}
        return packed(Response(answer.data, answer.status, kept))
