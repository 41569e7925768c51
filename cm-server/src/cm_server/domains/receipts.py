"""Receipts: what became of a command, passed on to cm-api; or told when it is known, to who listens."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response, request

from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import segment
from cm_server.query_proxy.receipt_streams import AGAIN_MS, event
from cm_server.query_proxy.waiting import who_waits
from shop_core.errors import Unavailable
from shop_core.http import query_args
from shop_core.http.worker.streams import STREAM

JSON, EVENTS = "application/json", "text/event-stream"
SETTLED = ("stored", "rejected")
# No proxy may keep events, pack them or hold them back until there are more.
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Vary": "Accept"}


def blueprint(context: Context) -> Blueprint:
    routes = Blueprint("receipts", __name__, url_prefix=PREFIX)

    @routes.get("/v1/receipts/<segment:receipt>")
    def receipt_state(receipt: str) -> Response:
        if request.accept_mimetypes.best_match((JSON, EVENTS)) == EVENTS:
            return stream(context, receipt)
        return context.queries.forward(f"/v1/receipts/{segment(receipt)}")

    return routes


def stream(context: Context, receipt: str) -> Response:
    """The state now, and the one that it comes to, where there is a place to listen."""
    query_args.refuse_unknown()
    if request.headers.get("Last-Event-ID") in SETTLED:
        return Response(status=204, headers=HEADERS)
    found = context.queries.get(f"/v1/receipts/{segment(receipt)}")
    if found.status >= 500:
        raise Unavailable(f"cm-api answered {found.status}")
    if found.status != 200:
        return Response(found.data, found.status, content_type=found.headers.get("Content-Type"))
    state = msgspec.json.decode(found.data)
    begin = request.environ.get(STREAM)
    if state["state"] == "accepted" and begin and request.method == "GET":
        context.streams.listen(receipt, who_waits(), begin)
    # An iterator: an answer that goes on may not say how long it is.
    return Response(_first(event(state)), headers=HEADERS, content_type=f"{EVENTS}; charset=utf-8")


def _first(data: bytes) -> Iterator[bytes]:
    yield b"retry: %d\n" % AGAIN_MS + data
