"""GET /v1/receipts/{receipt}: what became of one event."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cm_api.http.context import Context
from shop_core.errors import FieldFault, MalformedRequest
from shop_core.http import query_args
from shop_core.http.app import json_answer, seconds_to_wait


def blueprint(context: Context) -> Blueprint:
    routes = Blueprint("receipts", __name__)

    @routes.get("/v1/receipts/<segment:receipt>")
    def receipt_state(receipt: str) -> Response:
        query_args.refuse_unknown("wait")
        if len(receipt) > 256:
            raise MalformedRequest(FieldFault("receipt", "is too long"))
        state = context.wait(receipt, seconds_to_wait("wait", request.args.get("wait")))
        return json_answer(state, headers={"Cache-Control": "no-store"})

    return routes
