"""Many commands in one request: an array or lines of JSON, each answered for itself, all acked before the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec
from flask import request

from cm_server.commands import command
from cm_server.commands.identity import Identity
from cm_server.context import Context
from cm_server.idempotency_keys import KeyUsed
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Domain, Record
from shop_core.events.json_text import BOM, lines_of_array
from shop_core.http.problems import Fault, not_taken, status_of

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
    return command.body("application/x-ndjson")


def publish(
    context: Context, domain: Domain, payload: bytes, make: Callable[[bytes, int], tuple[Record, Identity]]
) -> BatchAnswer:
    """Every good line becomes an event by `make(line, number)`, every bad one a result that names its field."""
    results: list[LineResult] = []
    made: list[tuple[LineResult, Record, Identity]] = []
    for number, line in enumerate(split(payload), start=1):
        try:
            record, known = make(line, number)
            results.append(LineResult(number, 202, id=known.id))
            made.append((results[-1], record, known))
        except InvalidInput as error:
            results.append(refused(number, error))
    good = emit(context, domain, made)
    log.debug("batch_published", extra={"accepted": good, "failed": len(results) - good})
    return BatchAnswer(good, len(results) - good, results)


def emit(context: Context, domain: Domain, made: Sequence[tuple[LineResult, Record, Identity]]) -> int:
    """Publish what was made and note the receipts; how many lines that are. A line whose key names another command is
    left out, and told so, as is one that Kafka does not take."""
    digests = {known.id: command.header(record, "ce_digest") for _, record, known in made if known.by_key}
    others = context.used_keys.others(domain, digests) if digests else set()
    for result, _, known in made:
        if known.id in others:
            told = refused(result.line, KeyUsed(known.id))
            result.status, result.errors = told.status, told.errors
            result.field, result.detail = told.field, told.detail
    good = [each for each in made if each[2].id not in others]
    if not good:
        return 0
    digests = {id: digest for id, digest in digests.items() if id not in others}
    records, ids = [record for _, record, _ in good], [known.id for _, _, known in good]
    outcomes = command.emit(context, domain, records, ids, digests)
    for (result, _, _), outcome in zip(good, outcomes, strict=True):
        if isinstance(outcome, str):
            result.receipt = outcome
        else:
            result.status, result.detail = not_taken(outcome)
    return sum(isinstance(outcome, str) for outcome in outcomes)


def refused(number: int, error: InvalidInput) -> LineResult:
    """What a line is answered whose fields are at fault."""
    faults = [Fault(fault.field, fault.detail) for fault in error.faults]
    return LineResult(number, status_of(error), field=faults[0].field, detail=faults[0].detail, errors=faults)


def split(payload: bytes) -> list[bytes]:
    """The elements of a JSON array, or the lines of NDJSON; blank lines don't count, nor a byte order mark before."""
    text = payload.removeprefix(BOM)
    is_array = text.lstrip()[:1] == b"["
    lines = lines_of_array(text) if is_array else [line for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST_LINES:
        raise InvalidInput(FieldFault("body", f"must have 1 to {MOST_LINES} lines, has {len(lines)}"))
    return lines
