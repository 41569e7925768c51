"""Many commands in one request: an array or lines of JSON, each answered for itself, all acked before the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from flask import request

from cm_server import commands
from cm_server.context import Context
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Record
from shop_core.events.json_text import BOM, lines_of_array
from shop_core.problems import Fault

log = logging.getLogger(__name__)
LIMIT = 1024 * 1024
MOST_LINES = 1000
MEDIA_TYPES = ("application/json", "application/x-ndjson")


class LineResult(msgspec.Struct, omit_defaults=True):
    """What became of one line of a batch: id and receipt, or every field at fault, the first one by itself as well."""

    line: int
    status: int
    id: str | None = None
    receipt: str | None = None
    field: str | None = None
    detail: str | None = None
    errors: list[Fault] = []


class BatchAnswer(msgspec.Struct):
    """What became of each line of a batch."""

    accepted: int
    failed: int
    results: list[LineResult]


def body() -> bytes:
    """The request's body, which may be larger than that of one command."""
    request.max_content_length = LIMIT
    return commands.body("application/x-ndjson")


def publish(context: Context, payload: bytes, to_record: Callable[[bytes, str], Record]) -> BatchAnswer:
    """Every good line becomes an event by `to_record(line, id)`, every bad one a result that names its field."""
    results: list[LineResult] = []
    records: list[Record] = []
    for number, line in enumerate(split(payload), start=1):
        id = commands.event_id(number)
        try:
            records.append(to_record(line, id))
            results.append(LineResult(number, 202, id=id))
        except InvalidInput as error:
            faults = [Fault(fault.field, fault.detail) for fault in error.faults]
            first = faults[0]
            results.append(LineResult(number, error.status, field=first.field, detail=first.detail, errors=faults))
    good = [result for result in results if result.id]
    receipts = context.publisher.publish(records) if records else []
    for result, receipt in zip(good, receipts, strict=True):
        result.receipt = receipt
    log.info("batch_published", extra={"accepted": len(good), "failed": len(results) - len(good)})
    return BatchAnswer(len(good), len(results) - len(good), results)


def split(payload: bytes) -> list[bytes]:
    """The elements of a JSON array, or the lines of NDJSON; blank lines don't count, nor a byte order mark before."""
    text = payload.removeprefix(BOM)
    is_array = text.lstrip()[:1] == b"["
    lines = lines_of_array(text) if is_array else [line for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST_LINES:
        raise InvalidInput(FieldFault("body", f"must have 1 to {MOST_LINES} lines, has {len(lines)}"))
    return lines
