"""RFC 9457 answers: the one place where an error becomes an HTTP status. Never a stack trace in an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shop_core.auth import Forbidden, Unauthenticated
from shop_core.errors import (
    Conflict,
    FieldFault,
    InvalidInput,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    RecordTooLarge,
    Refused,
    ShopError,
    TooLarge,
    TopicRefused,
    Unavailable,
    UnsupportedMediaType,
)
from shop_core.http.nearest_route import nearest, shown_methods
from shop_core.http.problem_types import type_of
from shop_core.telemetry.logs import request_id

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 2
# What is answered before a route has the request, in words of ours.
SENTENCES = {
    400: "The request broke off, or is no HTTP: send it again in whole.",
    406: "The answer is to be had as JSON only.",
    408: "The request did not come in whole in time: send it again.",
    411: "The body's length is missing: send Content-Length.",
    414: "The address is too long.",
    415: "The body is of a kind that is not taken here.",
    416: "There is no such range.",
    417: "What Expect asks for can't be done here.",
    431: "The headers are too long, or too many.",
}
# Of the most particular type that an error is of.
STATUSES: Mapping[type[InvalidInput], HTTPStatus] = {
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
REALM = 'Bearer realm="scalable-shop"'
# Under this name an app has its page for people: status, what is wrong, the route that was meant.
ERROR_PAGE = "shop_error_page"
ErrorPage = Callable[[int, str, str | None], Response]
_FORMS = ("application/problem+json", "application/json", "text/html")


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
        type=type_of(status),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=faults[0].field if faults else None,
        errors=[Fault(f.field, f.detail) for f in faults],
        receipt=receipt,
        id=id,
        request_id=request_id.get(),
    )
    return Response(msgspec.json.encode(body) + b"\n", status, headers, content_type="application/problem+json")


def install(app: Flask, elsewhere: str = "") -> None:
    """Answer every error of `app` as a problem; `elsewhere` tells who is at the wrong service where to go."""
    app.extensions["shop_elsewhere"] = elsewhere
    app.register_error_handler(InvalidInput, _invalid)
    app.register_error_handler(Unauthenticated, _unknown)
    app.register_error_handler(Unavailable, _outage)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: InvalidInput) -> int:
    """The status by which input is refused."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def _invalid(error: InvalidInput) -> Response:
    refused = isinstance(error, Forbidden)
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'} if refused else None
    return problem(status_of(error), str(error), error.faults, headers=headers)


def _unknown(error: Unauthenticated) -> Response:
    log.info("caller_unknown", extra={"why": str(error)})
    fault = ', error="invalid_token"' if error.given else ""
    detail = "Send an API key or a token of the issuer as Authorization: Bearer; this request has none that holds."
    return problem(401, detail, headers={"WWW-Authenticate": REALM + fault})


def _outage(error: Unavailable) -> Response:
    log.warning("dependency_away", extra={"error": str(error)})
    return problem(*not_taken(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _refused(error: Refused) -> Response:
    """What Kafka refuses it refuses again: no Retry-After, and the publisher's log has said so already."""
    return problem(*not_taken(error))


def not_taken(error: ShopError) -> tuple[int, str]:
    """Status and sentence of a command that Kafka does not have: whether to send it again, or to mend something."""
    if isinstance(error, RecordTooLarge):
        return 413, f"{error}. A smaller request may be taken."
    if isinstance(error, Refused):
        status = 503 if isinstance(error, TopicRefused) else 500
        return status, f"{error}. The same request fails again until an operator has mended that."
    return 503, "The service can't do this right now; the same request can be sent again."


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error.get_response()
    page: ErrorPage | None = current_app.extensions.get(ERROR_PAGE)
    meant = _meant() if error.code == 404 else None
    by_people = request.method in ("GET", "HEAD") and request.accept_mimetypes.best_match(_FORMS) == "text/html"
    if page and by_people:
        answer = page(error.code, _sentence(error, None), meant)
    else:
        answer = problem(error.code, _sentence(error, meant))
    answer.headers.update({k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")})
    answer.vary.add("Accept")
    return answer


def _meant() -> str | None:
    """The route that the address most likely meant; a file of the pages is nothing that anybody types."""
    rules = [rule for rule in current_app.url_map.iter_rules() if not rule.endpoint.endswith("static")]
    return None if request.url_rule else nearest(rules, request.method, request.path)


def _sentence(error: HTTPException, meant: str | None) -> str:
    """What is wrong, and where to go; the framework's own words are nobody's."""
    elsewhere = current_app.extensions["shop_elsewhere"]
    if error.code == 404:
        parts = ["There is nothing at this address.", f"The nearest is {meant}." if meant else "", elsewhere]
        return " ".join(filter(None, parts))
    if isinstance(error, MethodNotAllowed):
        possible = ", ".join(shown_methods(error.valid_methods or ()))
        return f"{request.method} is not possible at this address, only {possible}. {elsewhere}".rstrip()
    if error.code == 413:
        return f"The body may have at most {request.max_content_length:,} bytes here."
    return SENTENCES.get(error.code or 0, HTTPStatus(error.code or 500).phrase + ".")


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", exc_info=error)
    return problem(500, "The service failed; its log has the request id.")
