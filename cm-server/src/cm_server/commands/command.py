"""What every command has in common: the publish, what `Prefer: wait` waits for, and the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request

from cm_server.commands import prefer
from cm_server.commands.content_encoding import require_identity_encoding
from cm_server.commands.identity import Identity, resource
from cm_server.commands.tracing import traced
from cm_server.context import PREFIX, Context
from cm_server.idempotency_keys import KeyUsed
from cm_server.query_proxy.client import segment
from shop_core.errors import FieldFault, ShopError, UnsupportedMediaType
from shop_core.events.envelope import Domain, Record, digest_of, encode
from shop_core.events.reading import Checked
from shop_core.http.app import json_answer
from shop_core.http.problems import problem, status_of
from shop_core.responses import CommandAnswer

log = logging.getLogger(__name__)
REFUSAL_SECONDS = 1.0  # the consumer needs a few hundredths to say what is known already


@dataclass(frozen=True)
class Command:
    """A command as its route read it. `data` is its event's, `key` the record's, by which it keeps its order, and
    `known` what it is known by.

    It is about `resource_id`, which is read at `location`, below the prefix, and answered with `success_status` (200,
    201 or 204) once it is stored. `body` is what the client sent: by it two commands under one Idempotency-Key are told
    apart.
    """

    domain: Domain
    data: Checked
    key: str
    known: Identity
    resource_id: str
    body: bytes
    success_status: int
    location: str = ""

    def to_record(self, now: datetime) -> Record:
        """The record of its event, every rule of its data held."""
        self.data.check()
        named = f"{request.method} {resource()}\n".encode() + self.body
        digest = digest_of(named) if self.known.by_key else self.known.digest
        type_ = self.domain.type_of(self.data)
        return encode(self.domain, type_, self.data, key=self.key, id=self.known.id, time=now, digest=digest)


@dataclass(frozen=True)
class CommandResult:
    """A published command: what it is about, its receipt, and what is known of it (`accepted`, `stored`)."""

    id: str
    receipt: str
    state: str

    @property
    def location(self) -> str:
        return f"{PREFIX}/v1/receipts/{self.receipt}"


class Rejected(Exception):
    """The consumer refused the event while the request waited for it."""

    def __init__(self, id: str, receipt: str, reason: str, status: int) -> None:
        super().__init__(reason)
        self.id, self.receipt, self.reason, self.status = id, receipt, reason, status


preferred_wait = prefer.preferred_wait


def await_result(context: Context, id: str, receipt: str, wait: float) -> CommandResult:
    """What became of the event within `wait` seconds; raises `Rejected` when the consumer refused it.

    Where too many wait already, or the caller does itself, the answer is that it was accepted.
    """
    if wait <= 0:
        return CommandResult(id, receipt, "accepted")
    with context.queries.waiting.given() as given:
        if not given:
            return CommandResult(id, receipt, "accepted")
        prefer.honoured()
        state: dict[str, Any] = context.queries.state(receipt, wait)
    if state["state"] == "rejected":
        raise Rejected(id, receipt, state["reason"], state["status"])
    return CommandResult(id, receipt, state["state"])


def publish(
    context: Context,
    domain: Domain,
    record: Record,
    known: Identity,
    resource_id: str | None = None,
    *,
    wait: float,
    event: str = "command_published",
) -> CommandResult:
    """Publish one command; `resource_id` is of what it is about, where that is not the event itself, `event` what
    the log calls it.

    A key that names another command is refused: at once, or, to who waits, by the consumer, whose refusal has a
    receipt.
    """
    digests = {known.id: header(record, "ce_digest")} if known.by_key else {}
    used = bool(digests) and bool(context.used_keys.others(domain, digests, ask=not wait))
    if used and not wait:
        raise KeyUsed(known.id)
    [outcome] = emit(context, domain, [record], [known.id], {} if used else digests)
    receipt = str(outcome)  # of a single one there is a receipt, or `emit` has raised
    log.debug(event, extra={"event_id": known.id, "type": header(record, "ce_type"), "receipt": receipt})
    done = await_result(context, resource_id or known.id, receipt, min(wait, REFUSAL_SECONDS) if used else wait)
    if used and done.state == "accepted":
        raise Rejected(done.id, receipt, str(KeyUsed(known.id)), 409)
    return done


def emit(
    context: Context, domain: Domain, records: Sequence[Record], ids: Sequence[str], digests: Mapping[str, str]
) -> list[str | ShopError]:
    """The receipt of each of `records`, whose events have these ids, or why Kafka does not have it. Raises where it has
    none of them. `digests` are of those known by a key."""
    outcomes: list[str | ShopError] = []
    try:
        outcomes = context.publisher.publish_each(traced(records))
    finally:
        there = {id: outcome for id, outcome in zip(ids, outcomes, strict=False) if isinstance(outcome, str)}
        context.used_keys.sent(domain, digests, {id: receipt for id, receipt in there.items() if id in digests})
        context.used_keys.not_sent(domain, {id: digest for id, digest in digests.items() if id not in there})
    if not there:
        raise next(error for error in outcomes if isinstance(error, ShopError))
    return outcomes


def send(context: Context, command: Command) -> Response:
    """Check and publish a command, wait as asked, answer (`command_answer`)."""
    wait, record = preferred_wait(), command.to_record(context.now())
    done = publish(context, command.domain, record, command.known, command.resource_id, wait=wait)
    return command_answer(done, command.success_status, PREFIX + command.location)


def header(record: Record, wanted: str) -> str:
    return next(((value or b"").decode() for name, value in record.headers if name == wanted), "")


def command_answer(done: CommandResult, stored: int, location: str | None = None) -> Response:
    """202 until it is stored; then `stored`: 200, 201 (at `location`), or 204, whose id and receipt are headers.

    In a header an id is percent-encoded, as in an address: it may hold any printable character.
    """
    may_repeat = {"X-Id": segment(done.id), "X-Receipt": done.receipt}
    if done.state == "stored" and stored == 204:
        answer = Response(status=204, headers=may_repeat)
        del answer.headers["Content-Type"]
        return answer
    if done.state != "stored":
        status, place = 202, {"Location": done.location}
    else:
        status, place = stored, {"Location": location or done.location} if stored == 201 else {}
    return json_answer(CommandAnswer(done.id, done.receipt, done.state), status, may_repeat | place)


def rejected(error: Rejected) -> Response:
    """The answer to a command that was refused while its caller waited: 409 or 422 with the reason."""
    return problem(error.status, error.reason, receipt=error.receipt, id=error.id)


def key_used(error: KeyUsed) -> Response:
    """The answer to a command whose key is known for another one, of which `id` tells."""
    return problem(status_of(error), str(error), error.faults, id=error.id)


def body(*more_types: str) -> bytes:
    """The request's body, JSON or one of `more_types`; a media type that says otherwise is refused (415).

    `curl -d` calls whatever it sends a form, so that type is read as JSON as well.
    """
    require_identity_encoding()
    kind = request.mimetype
    known = ("application/json", *more_types)
    if kind not in ("", "application/x-www-form-urlencoded", *known) and not kind.endswith("+json"):
        raise UnsupportedMediaType(FieldFault("Content-Type", f"must be {' or '.join(known)}"))
    return request.get_data(cache=False)
