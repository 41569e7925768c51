"""GET /v1/ops/snapshot and /v1/ops/history: how it does now, and how it did in the last quarter of an hour."""

from __future__ import annotations

from flask import Blueprint, Response

from cm_ops.looking import Away, Looking
from shop_core.http.app import aside, json_answer
from shop_core.http.problems import RETRY_AFTER_SECONDS, problem

NOT_KEPT = {"Cache-Control": "no-store"}


def blueprint(looking: Looking) -> Blueprint:
    routes = Blueprint("ops", __name__)
    routes.register_error_handler(Away, _away)

    @routes.get("/v1/ops/snapshot")
    def snapshot() -> Response:
        with aside():
            now = looking.now()
        return json_answer(now, headers=NOT_KEPT)

    @routes.get("/v1/ops/history")
    def history() -> Response:
        return json_answer(looking.history(), headers=NOT_KEPT)

    return routes


def _away(error: Away) -> Response:
    """Without a line in the log for each who asks: the one who looks has said it."""
    detail = f"{error}, so nothing can be told of what waits and what is stored."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
