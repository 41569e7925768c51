"""What an operation asks of its caller. Each says it in its row; `authentication` holds everybody to it."""

from __future__ import annotations

from dataclasses import dataclass

from shop_core import auth


@dataclass(frozen=True)
class Access:
    """`scope`: None lets in everybody, "" every known caller, else those who hold it.

    `owner_param` is a parameter of the path or query that must name the caller, unless they hold `bypass_scope`;
    `services` says that a caller who is no user may name anybody there.
    """

    scope: str | None
    owner_param: str | None = None
    bypass_scope: str = auth.ADMIN
    services: bool = False


EVERYBODY = Access(None)
AUTHENTICATED = Access("")
ADMIN = Access(auth.ADMIN)
# A user's command on their own behalf. A userid in the body is held to the caller where it is parsed.
CUSTOMER = Access(auth.PURCHASES_WRITE)
STAFF = Access(auth.CATALOG_WRITE)
# What many users did together.
REPORTS = Access(auth.PURCHASES_READ_ANY)

OPERATORS = Access(auth.OPS_READ)
# Dead letters whole, which hold what customers said, and what is done with them.
DESK = Access(auth.OPS_WRITE)


def reads_own(parameter: str) -> Access:
    """A query about one user: that user, or who may read any."""
    return Access("", owner_param=parameter, bypass_scope=auth.PURCHASES_READ_ANY)


def writes_own(parameter: str) -> Access:
    """A command whose user is in the address."""
    return Access(auth.PURCHASES_WRITE, owner_param=parameter, services=True)
