"""Who calls and what they may: the caller, the scopes, and how one says no.

Nothing here knows a transport or a file: `api_keys` and `jwt_tokens` make callers, `authentication` asks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shop_core.errors import InvalidInput, ShopError

ADMIN = "admin"
PURCHASES_WRITE = "purchases:write"
PURCHASES_READ_ANY = "purchases:read:any"
CATALOG_WRITE = "catalog:write"
OPS_READ = "ops:read"
OPS_WRITE = "ops:write"
SCOPES = {
    PURCHASES_WRITE: "buy, and review what is sold; a user only as themselves",
    PURCHASES_READ_ANY: "read the purchases and profile of any user",
    CATALOG_WRITE: "put products and campaigns in, change and remove them",
    OPS_READ: "see how the platform does: what waits, what is stored, who reads, what was refused",
    OPS_WRITE: "open dead letters, which hold what customers said, send them again, put them aside",
    ADMIN: "everything, also erasing a user",
}


class Unauthenticated(ShopError):
    """Nobody we know: no credentials, or such that don't hold. `why` goes to the log, never to the caller."""

    def __init__(self, why: str, *, given: bool = True) -> None:
        super().__init__(why)
        self.given = given


class Forbidden(InvalidInput):
    """Somebody we know, who may not do this."""


@dataclass(frozen=True)
class Caller:
    """`id` names the caller in limits, logs and idempotency keys. `subject` is the user they are; None is a service.

    `usernames` are the names they buy under, where their token says so; empty means that it doesn't say.
    """

    id: str
    subject: str | None = None
    scopes: frozenset[str] = frozenset()
    usernames: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        return scope in self.scopes or ADMIN in self.scopes

    def acts_for(self, userid: str) -> bool:
        """Whether they may write as that user: the user, a service (which has the scope to write), an admin."""
        return self.subject is None or self.subject == userid or self.may(ADMIN)

    def buys_as(self, username: str) -> bool:
        return not self.usernames or username in self.usernames or self.subject is None or self.may(ADMIN)


# Where nobody is asked who they are (AUTH_MODE=none), everybody is this one and may do everything.
ANYBODY = Caller("anonymous", None, frozenset({ADMIN}))


class Authenticator(Protocol):
    """One kind of credentials."""

    def recognises(self, credentials: str) -> bool:
        """Whether they are of this kind, whether they hold or not."""

    def caller(self, credentials: str) -> Caller:
        """Whose they are; raises `Unauthenticated`, or `Unavailable` when that can't be told now."""


def scopes_of(words: str) -> frozenset[str]:
    """Scopes from a list with spaces or commas; `ValueError` for one that there is not."""
    found = frozenset(words.replace(",", " ").split())
    if unknown := sorted(found - SCOPES.keys()):
        raise ValueError(f"has no scope {unknown[0]!r}, only {', '.join(SCOPES)}")
    return found
