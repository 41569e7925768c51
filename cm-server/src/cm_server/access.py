"""What an operation asks of its caller. Each operation says it in its row, and `callers` holds everybody to it."""

from __future__ import annotations

from dataclasses import dataclass

from shop_core import auth


@dataclass(frozen=True)
class Access:
    """`scope`: None lets in everybody, "" every known caller, else those who hold it.

    `own` is a parameter of the path or query that must name the caller, unless they hold `others`; `services` says
    that a caller who is no user may name anybody there.
    """

    scope: str | None
    own: str | None = None
    others: str = auth.ADMIN
    services: bool = False


EVERYBODY = Access(None)
KNOWN = Access("")
ADMIN = Access(auth.ADMIN)
# A user's command on their own behalf. A userid in the body is held to the caller where it is parsed.
CUSTOMER = Access(auth.PURCHASES_WRITE)
STAFF = Access(auth.CATALOG_WRITE)
# What many users did together.
REPORTS = Access(auth.PURCHASES_READ_ANY)


def reads_own(parameter: str) -> Access:
    """A query about one user: that user, or who may read any."""
    return Access("", own=parameter, others=auth.PURCHASES_READ_ANY)


def writes_own(parameter: str) -> Access:
    """A command whose user is in the address."""
    return Access(auth.PURCHASES_WRITE, own=parameter, services=True)
