"""How the platform does, for operators: what waits, what is stored, who reads. cm-ops looks, this passes it on."""

from __future__ import annotations

from flask import Blueprint, Response

from cm_server.context import PREFIX, Context
from cm_server.operations import Operation
from cm_server.query_proxy.ops_client import answered
from cm_server.security.permissions import OPERATORS
from shop_core.responses.operations import OpsHistory, OpsSnapshot

SNAPSHOT, HISTORY = "/v1/ops/snapshot", "/v1/ops/history"
OPERATIONS = (
    Operation(
        "getOpsSnapshot", "get", SNAPSHOT, "How the platform does now", {200: OpsSnapshot}, (404, 503),
        headers={200: ("Cache-Control",)}, access=OPERATORS,
        about="At most a second old. `balance`: accepted = stored + duplicate + rejected + waiting (+ gone + skipped + "
        "moved); `difference` is what is left over. 503 names the part that does not answer, 404 is answered where no "
        "cm-ops runs.",
    ),
    Operation(
        "getOpsHistory", "get", HISTORY, "How it did in the last quarter of an hour", {200: OpsHistory}, (404, 503),
        headers={200: ("Cache-Control",)}, access=OPERATORS,
        about="As far as cm-ops has run. Totals, of which two next to each other give a rate.",
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes, below the prefix."""
    routes = Blueprint("ops", __name__, url_prefix=PREFIX)

    @routes.get(SNAPSHOT)
    def snapshot() -> Response:
        return answered(context.ops, SNAPSHOT)

    @routes.get(HISTORY)
    def history() -> Response:
        return answered(context.ops, HISTORY)

    return routes
