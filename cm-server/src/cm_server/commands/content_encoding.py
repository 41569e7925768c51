"""Content codings of requests: none is undone here, and saying so is better than calling packed bytes bad JSON."""

from __future__ import annotations

from flask import Flask, Response, request

from shop_core.errors import FieldFault
from shop_core.http.problems import problem

DETAIL = "must be identity: send the body as it is"


class EncodedBody(Exception):
    """The body in hand is packed."""


def install(app: Flask) -> None:
    app.register_error_handler(EncodedBody, refused)


def require_identity_encoding() -> None:
    """Raise `EncodedBody` unless the body in hand is sent as it is."""
    given = request.headers.get("Content-Encoding")
    if given and any(coding.strip().lower() not in ("", "identity") for coding in given.split(",")):
        raise EncodedBody


def refused(error: EncodedBody) -> Response:
    """415, with what is taken instead (RFC 9110 §15.5.16)."""
    fault = FieldFault("Content-Encoding", DETAIL)
    return problem(415, f"Content-Encoding: {DETAIL}", (fault,), headers={"Accept-Encoding": "identity"})
