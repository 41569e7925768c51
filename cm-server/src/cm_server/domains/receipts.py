"""Receipts: what became of a command, passed on to cm-api."""

from __future__ import annotations

from flask import Blueprint, Response

from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import segment


def blueprint(context: Context) -> Blueprint:
    routes = Blueprint("receipts", __name__, url_prefix=PREFIX)

    @routes.get("/v1/receipts/<segment:receipt>")
    def receipt_state(receipt: str) -> Response:
        return context.queries.forward(f"/v1/receipts/{segment(receipt)}")

    return routes
