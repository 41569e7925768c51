"""The request's id and trace go with each event that it makes, so that the event can be followed by either."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from shop_core.events.envelope import Record
from shop_core.events.trace_context import headers_of_request
from shop_core.telemetry.logs import request_id


def traced(records: Sequence[Record]) -> list[Record]:
    """`records` as those of the request in hand; all of them belong to one trace."""
    given = request.environ
    told = headers_of_request(
        request_id.get() or "", given.get("HTTP_TRACEPARENT", ""), given.get("HTTP_TRACESTATE", "")
    )
    return [Record(each.topic, each.key, each.value, each.headers + told, each.partition) for each in records]
