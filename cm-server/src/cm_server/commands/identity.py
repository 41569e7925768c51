"""What a command is known by, so that sending it again changes nothing.

A client names it by an Idempotency-Key. That is its caller's own; where nobody is asked who they are, it belongs to the
user whom the command is about, or to the resource. Without a key, a command that names its own moment may be known by
what it says. Every other one is new each time.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from flask import request

from cm_server.security.authentication import caller
from shop_core.auth import ANYBODY
from shop_core.errors import FieldFault, MalformedRequest
from shop_core.events.envelope import digest_of
from shop_core.identifiers import uuid7

HEADER = "Idempotency-Key"
_BY_KEY = uuid.UUID("6c1f9f5a-54d8-5d0c-8f0b-0c2b1f7f0a11")
_BY_CONTENT = uuid.UUID("0d4a1c9e-2f6b-5b7e-9a55-7d1f0e3c8b62")
_KEY = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class Identity:
    """`id` is the event's. `by_key`: the client named it, so another command may come under it, told by its digest.

    `digest` is given where the id follows from what the command says.
    """

    id: str
    by_key: bool = False
    digest: str | None = None


def sent_key() -> str | None:
    """The Idempotency-Key of the request in hand, None without one; `MalformedRequest` for a bad one."""
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise MalformedRequest(FieldFault(HEADER, "must be 1 to 256 visible ASCII characters"))
    return key


def identify(key: str | None, kind: str, whose: str, line: int | None = None) -> Identity:
    """A new command, or that of a key; where nobody is asked who calls, a key belongs to `whose`, a user or resource,
    and to a `kind` of commands.

    `line` is its number in a batch, whose key names them all.
    """
    if key is None:
        return Identity(str(uuid7()))
    who = caller()
    # No part holds a line feed, and no known caller's name is empty: no two of these names are ever the same.
    parts = ["", kind, whose, key] if who is ANYBODY else [who.id, key]
    parts += [] if line is None else [str(line)]
    return Identity(str(uuid.uuid5(_BY_KEY, "\n".join(parts))), by_key=True)


def by_content(kind: str, said: bytes) -> Identity:
    """The command that says this: the same again is the same command. `said` names its user and its moment."""
    return Identity(str(uuid.uuid5(_BY_CONTENT, f"{kind}\n{said.decode()}")), digest=digest_of(said))


def resource() -> str:
    """The address of the request in hand as its route has it, with or without a slash at its end."""
    rule = request.url_rule.rule if request.url_rule else ""
    return request.path.rstrip("/") + ("/" if rule.endswith("/") else "")
