"""What is refused before any route is known: a request that can't be read, or that did not come in whole.

The answer is a problem document with the same headers as every other answer has.
"""

from __future__ import annotations

import logging
import os
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import msgspec
from gunicorn.http import errors

from shop_core.http.problem_types import type_of
from shop_core.http.problems import RETRY_AFTER_SECONDS
from shop_core.http.security_headers import SECURITY_HEADERS
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
# What gunicorn's parser raises, by the status that RFC 9110 has for it; all else is 400.
_STATUS = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
}


class Refused(Exception):
    """Ends a connection with an answer of `status`; `field` is the header at fault, where one is."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field = status, detail, field


def by_parser(error: Exception) -> Refused:
    """What gunicorn's parser found."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    # Its text may repeat what was sent: it is shown as JSON, so nothing in it is markup.
    return Refused(status, f"The request can't be read: {error}"[:300])


def answer(refused: Refused) -> bytes:
    """The whole answer; the connection ends with it."""
    id = os.urandom(16).hex()
    phrase = HTTPStatus(refused.status).phrase
    body: dict[str, Any] = {
        "type": type_of(refused.status),
        "title": phrase,
        "status": refused.status,
        "detail": refused.detail,
    }
    if refused.field:
        body |= {"field": refused.field, "errors": [{"field": refused.field, "detail": refused.detail}]}
    payload = msgspec.json.encode(body | {"requestId": id}) + b"\n"
    headers = [
        ("Date", formatdate(usegmt=True)), ("Connection", "close"), ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(payload))), ("X-Request-Id", id), *SECURITY_HEADERS,
    ]  # fmt: skip
    if refused.status == 503:
        headers.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
    log.info("request_refused", extra={"status": refused.status, "why": refused.detail, "request_id": id})
    metrics.http_seconds("-", "-", refused.status).observe(0)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {refused.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + payload
