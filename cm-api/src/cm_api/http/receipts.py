"""GET /v1/receipts/{receipt}: what became of one event. POST /v1/receipts: of all that callers listen to."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cm_api.http.context import Context
from shop_core.errors import FieldFault, MalformedRequest
from shop_core.events.reading import decode_json
from shop_core.http import query_args
from shop_core.http.app import json_answer, seconds_to_wait
from shop_core.responses.commands import MOST_ASKED, StatesAsked

RECEIPT_BYTES = 256


def blueprint(context: Context) -> Blueprint:
    routes = Blueprint("receipts", __name__)

    @routes.get("/v1/receipts/<segment:receipt>")
    def receipt_state(receipt: str) -> Response:
        query_args.refuse_unknown("wait")
        if len(receipt) > RECEIPT_BYTES:
            raise MalformedRequest(FieldFault("receipt", "is too long"))
        state = context.wait(receipt, seconds_to_wait("wait", request.args.get("wait")))
        return json_answer(state, headers={"Cache-Control": "no-store"})

    @routes.post("/v1/receipts")
    def states() -> Response:
        request.max_content_length = MOST_ASKED * RECEIPT_BYTES
        asked = decode_json(request.get_data(cache=False), StatesAsked)
        # That they are in the log was seen when their callers began to listen.
        found = [context.state(receipt, check=False, waits=True) for receipt in asked.receipts]
        return json_answer(found, headers={"Cache-Control": "no-store"})

    return routes
