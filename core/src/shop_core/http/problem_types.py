"""The kinds of problems: when each is answered and what the caller does then. Their `type` is the address of a page.

A reference without a host, as RFC 9457 §3.1.1 allows: it leads to a page of the service that was asked.
"""

from __future__ import annotations

from typing import NamedTuple

PLACE = "/scalable-shop-cm-server/problems/"


class ProblemType(NamedTuple):
    """The last part of its address, and two sentences without their end. Backticks enclose code."""

    name: str
    when: str
    remedy: str


TYPES = {
    400: ProblemType(
        "bad-request",
        "JSON, a query argument, a header or a cursor cannot be parsed; the HTTP itself is malformed",
        "correct the request",
    ),
    401: ProblemType(
        "unauthorized", "no valid API key or token", "send credentials; `WWW-Authenticate` says which"
    ),
    403: ProblemType(
        "forbidden",
        "the caller is known and lacks the scope, or asks for another user; without authentication: an `Origin` or "
        "host name that is not allowed",
        "use another key, or an allowed host",
    ),
    404: ProblemType("not-found", "no such address, resource or receipt", "do not retry"),
    405: ProblemType("method-not-allowed", "the address has other methods", "use one of `Allow`"),
    406: ProblemType("not-acceptable", "`Accept` or `Accept-Encoding` rules out every form", "accept JSON"),
    408: ProblemType(
        "request-timeout", "the complete request did not arrive within `HTTP_READ_TIMEOUT`", "send it again"
    ),
    409: ProblemType(
        "conflict",
        "the Idempotency-Key named another command, or the resource exists",
        "use a new key, or read the resource",
    ),
    411: ProblemType("length-required", "the body has no length", "send `Content-Length`"),
    412: ProblemType("precondition-failed", "the read model lacks the receipt of `?after=` after 5 s", "ask again"),
    413: ProblemType("content-too-large", "the body or the record is too large", "send less, or a smaller batch"),
    414: ProblemType("uri-too-long", "the address is too long", "shorten it"),
    415: ProblemType(
        "unsupported-media-type",
        "`Content-Type` or `Content-Encoding` is not supported",
        "send plain JSON, or NDJSON for a batch",
    ),
    416: ProblemType("range-not-satisfiable", "no such range", "leave out `Range`"),
    417: ProblemType("expectation-failed", "`Expect` has something else than `100-continue`", "leave it out"),
    422: ProblemType(
        "unprocessable-content",
        "a field breaks a rule, or names what does not exist",
        "correct the fields in `errors`",
    ),
    429: ProblemType("too-many-requests", "over the caller's limit", "wait `Retry-After` seconds"),
    431: ProblemType("request-header-fields-too-large", "too many or too long headers", "send fewer"),
    500: ProblemType(
        "internal-server-error", "a bug, or Kafka rejects the record for good", "report it with `requestId`"
    ),
    501: ProblemType("not-implemented", "an unknown `Transfer-Encoding`", "send the body plain or chunked"),
    503: ProblemType(
        "service-unavailable",
        "Kafka, MongoDB or cm-api is unavailable",
        "with `Retry-After`: send it again under the same Idempotency-Key; without it an operator must act first "
        "(`record_refused` in the log)",
    ),
}  # fmt: skip
_ADDRESSES = {status: PLACE + kind.name for status, kind in TYPES.items()}


def type_of(status: int) -> str:
    """The `type` of a problem with this status; a status that says all by itself has none of its own."""
    return _ADDRESSES.get(status, "about:blank")
