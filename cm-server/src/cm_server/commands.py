"""What every command has in common: its event id, the publish, and what `Prefer: wait` waits for."""

from __future__ import annotations

import logging
import re
import uuid
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from cm_server import prefer
from cm_server.callers import caller
from cm_server.codings import must_be_plain
from cm_server.context import PREFIX, Context
from cm_server.queries import segment
from cm_server.waiting import who_waits
from shop_core.answers import CommandAnswer
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import Domain, Record, digest_of, encode
from shop_core.identifiers import uuid7
from shop_core.problems import problem
from shop_core.web import json_answer

log = logging.getLogger(__name__)
_IDEMPOTENCY_NAMESPACE = uuid.UUID("6c1f9f5a-54d8-5d0c-8f0b-0c2b1f7f0a11")
_KEY = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True)
class Settled:
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


def event_id(line: int | None = None) -> str:
    """A UUIDv7, or where the client named the request, a UUIDv5 of (caller, key[, line of the batch])."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return str(uuid7())
    if not _KEY.fullmatch(key):
        raise InvalidInput(FieldFault("Idempotency-Key", "must be 1 to 256 visible ASCII characters"), status=400)
    whose = f"{caller().id}\n{key}"
    name = whose if line is None else f"{whose}\n{line}"
    return str(uuid.uuid5(_IDEMPOTENCY_NAMESPACE, name))


def named_by_client() -> bool:
    return "Idempotency-Key" in request.headers


preferred_wait = prefer.preferred_wait


def settle(context: Context, id: str, receipt: str, wait: float) -> Settled:
    """What became of the event within `wait` seconds; raises `Rejected` when the consumer refused it.

    Where too many wait already, or the caller does itself, the answer is that it was accepted.
    """
    if wait <= 0:
        return Settled(id, receipt, "accepted")
    with context.queries.waiting.place(who_waits()) as given:
        if not given:
            return Settled(id, receipt, "accepted")
        prefer.honoured()
        state: dict[str, Any] = context.queries.state(receipt, wait)
    if state["state"] == "rejected":
        raise Rejected(id, receipt, state["reason"], state["status"])
    return Settled(id, receipt, state["state"])


def publish(context: Context, record: Record, event: str, id: str | None = None) -> Settled:
    """Publish one command as `event`; `id` is what it is about, where that is not the event itself."""
    wait = preferred_wait()
    receipt = context.publisher.publish([record])[0]
    log.info("command_published", extra={"event_id": event, "type": type_of(record), "receipt": receipt})
    return settle(context, id or event, receipt, wait)


def send(
    context: Context,
    domain: Domain,
    data: Any,
    *,
    key: str,
    event: str,
    about: str,
    said: bytes,
    stored: int,
    place: str,
) -> Response:
    """Check and publish the command `event` of `domain`, wait as asked, answer. `about` is the id that it is about,
    `said` what the client sent, by which two commands under one Idempotency-Key are told apart; see `command_answer`
    for `stored`, and `place` is where what was made can be read, below the prefix."""
    data.check()
    digest = digest_of(f"{request.method} {request.path}\n".encode() + said) if named_by_client() else None
    type_ = next(name for name, struct in domain.events.items() if struct is type(data))
    record = encode(domain, type_, data, key=key, id=event, time=context.now(), digest=digest)
    return command_answer(publish(context, record, event, about), stored, PREFIX + place)


def type_of(record: Record) -> str:
    return next((value.decode() for name, value in record.headers if name == "ce_type"), "")


def command_answer(done: Settled, stored: int, location: str | None = None) -> Response:
    """202 until it is stored; then `stored`: 200, 201 (at `location`), or 204, whose id and receipt are headers.

    In a header an id is percent-encoded, as in an address: it may hold any printable character.
    """
    named = {"X-Id": segment(done.id), "X-Receipt": done.receipt}
    if done.state == "stored" and stored == 204:
        answer = Response(status=204, headers=named)
        del answer.headers["Content-Type"]
        return answer
    if done.state != "stored":
        status, place = 202, {"Location": done.location}
    else:
        status, place = stored, {"Location": location or done.location} if stored == 201 else {}
    return json_answer(CommandAnswer(done.id, done.receipt, done.state), status, named | place)


def rejected(error: Rejected) -> Response:
    """The answer to a command that was refused while its caller waited: 409 or 422 with the reason."""
    return problem(error.status, error.reason, receipt=error.receipt, id=error.id)


def body(*more_types: str) -> bytes:
    """The request's body, JSON or one of `more_types`; a media type that says otherwise is refused (415).

    `curl -d` calls whatever it sends a form, so that type is read as JSON as well.
    """
    must_be_plain()
    kind = request.mimetype
    known = ("application/json", *more_types)
    if kind not in ("", "application/x-www-form-urlencoded", *known) and not kind.endswith("+json"):
        raise InvalidInput(FieldFault("Content-Type", f"must be {' or '.join(known)}"), status=415)
    return request.get_data(cache=False)
