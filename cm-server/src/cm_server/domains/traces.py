"""One event's way, for operators: cm-ops finds it, this passes it on."""

from __future__ import annotations

from flask import Blueprint

from cm_server.context import PREFIX, Context
from cm_server.operations import RECEIPT, Operation, Parameter
from cm_server.query_proxy.ops_client import answered
from cm_server.security.permissions import OPERATORS
from shop_core.responses.traces import Trace

PATH = "/v1/ops/trace"
OPERATIONS = (
    Operation(
        "followEvent", "get", PATH, "The way of one event, step by step", {200: Trace}, (400, 404, 503),
        (
            Parameter("receipt", "query", "The receipt of the event", RECEIPT, "shop.purchases-3-1024"),
            Parameter(
                "id", "query", "What the event is known by", {"type": "string", "minLength": 1, "maxLength": 128}
            ),
            Parameter(
                "requestId", "query", "The X-Request-Id of the request that made it, or the id of its trace",
                {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
            ),
        ),
        headers={200: ("Cache-Control",)}, access=OPERATORS,
        about="By one of the three. A receipt names one record, and 404 is answered where there never was one. By the "
        "others the newest events are looked through: `lookedAt` says how far, and none found is an answer. It tells "
        "ids, times and states, nothing of what an event says or of whom.",
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The route, below the prefix."""
    routes = Blueprint("traces", __name__, url_prefix=PREFIX)
    routes.add_url_rule(PATH, "trace", lambda: answered(context.ops, PATH))
    return routes
