"""RFC 9457 answers: the one place where an error becomes an HTTP status. Never a stack trace in an answer."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from shop_core.auth import Unauthenticated
from shop_core.errors import FieldFault, InvalidInput, Outage, RecordTooLarge, Refused, TopicRefused
from shop_core.telemetry.logs import request_id

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 2
REALM = 'Bearer realm="scalable-shop"'


class Fault(msgspec.Struct):
    """One fault: the field as the caller wrote it, and what is expected of it."""

    field: str
    detail: str


class Problem(msgspec.Struct, rename="camel", omit_defaults=True):
    """The body of every error answer (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[Fault] = []
    receipt: str | None = None
    id: str | None = None
    request_id: str | None = None


def problem(
    status: int,
    detail: str,
    faults: tuple[FieldFault, ...] = (),
    *,
    receipt: str | None = None,
    id: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem+json answer; `field` is the first field at fault."""
    body = Problem(
        type="urn:problem:" + HTTPStatus(status).phrase.lower().replace(" ", "-"),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=faults[0].field if faults else None,
        errors=[Fault(f.field, f.detail) for f in faults],
        receipt=receipt,
        id=id,
        request_id=request_id.get(),
    )
    return Response(msgspec.json.encode(body), status, headers, content_type="application/problem+json")


def install(app: Flask) -> None:
    """Answer every error of `app` as a problem."""
    app.register_error_handler(InvalidInput, _invalid)
    app.register_error_handler(Unauthenticated, _unknown)
    app.register_error_handler(Outage, _outage)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _invalid(error: InvalidInput) -> Response:
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'} if error.status == 403 else None
    return problem(error.status, str(error), error.faults, headers=headers)


def _unknown(error: Unauthenticated) -> Response:
    log.info("caller_unknown", extra={"why": str(error)})
    fault = ', error="invalid_token"' if error.given else ""
    detail = "Send an API key or a token of the issuer as Authorization: Bearer; this request has none that holds."
    return problem(401, detail, headers={"WWW-Authenticate": REALM + fault})


def _outage(error: Outage) -> Response:
    log.warning("dependency_away", extra={"error": str(error)})
    detail = "The service can't do this right now; the same request can be sent again."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _refused(error: Refused) -> Response:
    """What Kafka refuses it refuses again: no Retry-After, and the publisher's log has said so already."""
    if isinstance(error, RecordTooLarge):
        return problem(413, f"{error}. A smaller request may be taken.")
    status = 503 if isinstance(error, TopicRefused) else 500
    return problem(status, f"{error}. The same request fails again until an operator has mended that.")


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error.get_response()
    headers = {k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")}
    return problem(error.code, error.description or "", headers=headers)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return problem(500, "The service failed; its log has the request id.")
