"""The route that follows an event: what may be asked, what is told, and that cm-server hands it on to operators."""

from __future__ import annotations

from typing import cast

import pytest
from flask.testing import FlaskClient

from cm_ops import trace_routes
from cm_ops.looking import Away
from cm_ops.trace_routes import PATH, Tracing
from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.domains import traces
from cm_server.query_proxy.client import QueryClient
from cm_server.query_proxy.ops_client import OpsClient
from cm_server.security.permissions import OPERATORS
from cm_server.settings import ServerSettings
from shop_core.events.receipts import UnknownReceipt
from shop_core.following.follow import Wanted
from shop_core.http.app import make_app
from shop_core.responses.traces import LookedAt, Trace
from shop_core.telemetry import metrics
from shop_core.testing import MemoryPublisher

RECEIPT = "shop.purchases-3-7"


class Tracer:
    """Finds nothing; `trouble` for whoever asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.trouble: Exception | None = None

    def by_receipt(self, receipt: str) -> Trace:
        if self.trouble:
            raise self.trouble
        self.asked.append(receipt)
        return Trace([], 0, None)

    def search(self, wanted: Wanted) -> Trace:
        self.asked.append("search")
        return Trace([], 0, LookedAt(20_000, "2026-11-28T01:02:03Z", False, []))


@pytest.fixture
def tracer() -> Tracer:
    return Tracer()


@pytest.fixture
def routes(tracer: Tracer) -> FlaskClient:
    app = make_app("trace", {})
    app.register_blueprint(trace_routes.blueprint(cast(Tracing, tracer)))
    return app.test_client()


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "receipt"), ("receipt=x", "receipt"), ("receipt=shop.nothing-0-0", "receipt"), ("id=", "id"),
     (f"receipt={RECEIPT}&id=x", "receipt"), (f"receipt={RECEIPT}&receipt={RECEIPT}", "receipt"),
     ("requestId=a%20b", "requestId"), ("requestId=", "requestId"), ("id=" + "i" * 129, "id"), ("of=x", "of")],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(routes: FlaskClient, tracer: Tracer, query: str, field: str) -> None:
    answer = routes.get(f"{PATH}?{query}")
    assert answer.status_code == 400 and field in {fault["field"] for fault in answer.get_json()["errors"]}
    assert tracer.asked == []


def test_an_event_is_asked_for_in_one_of_three_ways(routes: FlaskClient, tracer: Tracer) -> None:
    for query in (f"receipt={RECEIPT}", "id=one", "requestId=two"):
        answer = routes.get(f"{PATH}?{query}")
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert tracer.asked == [RECEIPT, "search", "search"]
    assert answer.get_json() == {
        "events": [],
        "more": 0,
        "lookedAt": {"events": 20_000, "since": "2026-11-28T01:02:03Z", "whole": False, "unread": []},
    }


def count(outcome: str) -> float:
    return float(metrics.FOLLOWED.labels(outcome)._value.get())


def test_what_is_not_there_and_who_is_away_is_told_and_counted(routes: FlaskClient, tracer: Tracer) -> None:
    before = count("not found"), count("failed")
    tracer.trouble = UnknownReceipt("is not there")
    assert routes.get(f"{PATH}?receipt={RECEIPT}").status_code == 404
    tracer.trouble = Away("Kafka")
    answer = routes.get(f"{PATH}?receipt={RECEIPT}")
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert answer.get_json()["detail"] == "Kafka does not answer, so no event can be followed."
    assert (count("not found"), count("failed")) == (before[0] + 1, before[1] + 1)


def test_the_door_asks_cm_ops_for_operators() -> None:
    (row,) = traces.OPERATIONS
    assert (row.path, row.access) == (PATH, OPERATORS)
    nowhere = Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1"), ops=OpsClient("http://127.0.0.1:1"))
    answer = build(nowhere, ServerSettings()).test_client().get(f"{PREFIX}{PATH}?receipt={RECEIPT}")
    assert answer.status_code == 503 and "cm-ops does not answer" in answer.get_json()["detail"]
    alone = Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1"))
    assert build(alone, ServerSettings()).test_client().get(f"{PREFIX}{PATH}?id=x").status_code == 404
