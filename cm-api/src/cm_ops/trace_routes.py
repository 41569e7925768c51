"""GET /v1/ops/trace: the way of one event, by its receipt, by what it is known by, or by the request that made it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response, request

from cm_ops.looking import ANSWER_SECONDS, Away
from shop_core.errors import FieldFault, InvalidInput, MalformedRequest, ShopError
from shop_core.events import TOPICS
from shop_core.events.fields import check_text
from shop_core.events.receipts import Receipt, UnknownReceipt
from shop_core.events.trace_context import REQUEST_ID
from shop_core.following import follow
from shop_core.following.fates import Fate, fate_of
from shop_core.following.follow import Wanted
from shop_core.http import query_args
from shop_core.http.app import aside, json_answer
from shop_core.http.problems import RETRY_AFTER_SECONDS, problem
from shop_core.kafka.connection import KafkaConnection
from shop_core.mongo.client import Database, Document
from shop_core.responses.traces import Trace
from shop_core.telemetry import metrics

PATH = "/v1/ops/trace"
NOT_KEPT = {"Cache-Control": "no-store"}
BY = ("receipt", "id", "requestId")


class Tracing(Protocol):
    """What the routes ask."""

    def by_receipt(self, receipt: str) -> Trace: ...

    def search(self, wanted: Wanted) -> Trace: ...


class Tracer:
    """Of one process. One looks at a time; who waits for it too long is told that Kafka does not answer."""

    def __init__(self, kafka: KafkaConnection, db: Database[Document]) -> None:
        self._kafka, self._db = kafka, db
        self._turn = threading.Lock()

    def by_receipt(self, receipt: str) -> Trace:
        return self._alone(lambda: follow.by_receipt(self._kafka, self._fate, receipt))

    def search(self, wanted: Wanted) -> Trace:
        return self._alone(lambda: follow.search(self._kafka, self._fate, wanted))

    def _fate(self, receipt: str) -> Fate:
        try:
            return fate_of(self._db, receipt)
        except ShopError as error:
            raise Away("MongoDB") from error

    def _alone(self, look: Callable[[], Trace]) -> Trace:
        if not self._turn.acquire(timeout=ANSWER_SECONDS):
            raise Away("Kafka")
        try:
            return look()
        except (Away, InvalidInput):
            raise
        except ShopError as error:
            raise Away("Kafka") from error
        finally:
            self._turn.release()


def blueprint(tracer: Tracing) -> Blueprint:
    routes = Blueprint("trace", __name__)
    routes.register_error_handler(Away, _away)

    @routes.get(PATH)
    def trace() -> Response:
        (look,) = query_args.read(BY, lambda: _asked(tracer))
        try:
            with aside():
                found: Trace = look()
        except Away:
            metrics.FOLLOWED.labels("failed").inc()
            raise
        except UnknownReceipt:
            metrics.FOLLOWED.labels("not found").inc()
            raise
        metrics.FOLLOWED.labels("found" if found.events else "not found").inc()
        return json_answer(found, headers=NOT_KEPT)

    return routes


def _asked(tracer: Tracing) -> Callable[[], Trace]:
    """What is to be looked for; `MalformedRequest` unless it is named in one way."""
    given = [name for name in BY if name in request.args]
    if len(given) != 1 or len(request.args.getlist(given[0])) != 1:
        raise MalformedRequest(FieldFault("receipt", "or id, or requestId, must be given: one of them, once"))
    named = request.args[given[0]]
    if given == ["receipt"]:
        Receipt.parse(named, list(TOPICS))
        return lambda: tracer.by_receipt(named)
    if given == ["id"]:
        wanted = follow.by_id(check_text("id", named, error=MalformedRequest))
    else:
        wanted = follow.by_request(_request_id(named))
    return lambda: tracer.search(wanted)


def _request_id(text: str) -> str:
    if not REQUEST_ID.fullmatch(text):
        about = "must be an X-Request-Id, or a trace's id: 1 to 128 letters, digits, dots, colons, dashes, underscores"
        raise MalformedRequest(FieldFault("requestId", about))
    return text


def _away(error: Away) -> Response:
    detail = f"{error}, so no event can be followed."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
