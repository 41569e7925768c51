"""The one place where callers are asked who they are and held to what each operation asks (`access`).

Before the route runs: credentials → caller → scope → own data only. What is not in the table of operations is for
admins alone, so a route that somebody forgot to describe is closed, not open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from flask import Flask, Response, g, request

from cm_server.context import PREFIX
from cm_server.security import jwks, permissions
from cm_server.security.jwt_tokens import Expected, Tokens
from cm_server.security.permissions import Access
from cm_server.security.settings import AuthSettings
from shop_core import auth
from shop_core.api_keys import ApiKeys
from shop_core.auth import ANYBODY, Authenticator, Caller, Forbidden, Unauthenticated
from shop_core.errors import ConfigError, FieldFault
from shop_core.http.app import OWNER_HEADER
from shop_core.telemetry import metrics

# Pages, their files and the description itself: nothing in them belongs to anybody.
OPEN_BLUEPRINTS = ("ui", "docs")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def authenticators(settings: AuthSettings) -> Sequence[Authenticator]:
    """The kinds of credentials that are accepted, none where everybody may call; `ConfigError` for half a setting."""
    found: list[Authenticator] = []
    if settings.auth_mode == "none":
        return found
    if settings.auth_mode == "apikey" and not settings.api_keys_file:
        raise ConfigError("AUTH_MODE is apikey, but AUTH_API_KEYS_FILE is not set: make one by `shopctl keys create`.")
    if settings.api_keys_file:
        found.append(ApiKeys(settings.api_keys_file))
    if settings.auth_mode == "jwt":
        found.append(Tokens(expected(settings), jwks.Jwks(source(settings))))
    return found


def expected(settings: AuthSettings) -> Expected:
    for name, value in (("AUTH_JWT_ISSUER", settings.jwt_issuer), ("AUTH_JWT_AUDIENCE", settings.jwt_audience)):
        if not value:
            raise ConfigError(f"AUTH_MODE is jwt, but {name} is not set: tokens of anybody would be accepted.")
    return Expected(
        settings.jwt_issuer,
        settings.jwt_audience,
        tuple(settings.jwt_algorithms.split(",")),
        settings.jwt_leeway,
        settings.jwt_user_claim,
        settings.jwt_username_claim,
        settings.jwt_scope_claim,
    )


def source(settings: AuthSettings) -> jwks.Fetch:
    if settings.jwt_jwks_file:
        return jwks.from_file(settings.jwt_jwks_file)
    if settings.jwt_jwks_url:
        return jwks.from_url(settings.jwt_jwks_url, settings.jwt_ca_file)
    raise ConfigError("AUTH_MODE is jwt, but neither AUTH_JWT_JWKS_URL nor AUTH_JWT_JWKS_FILE is set.")


def install(app: Flask, kinds: Sequence[Authenticator], table: Mapping[tuple[str, str], Access]) -> None:
    """Hold every request of `app` to `table`, by method and described path; no `kinds` means that nobody is asked."""

    if not kinds:
        app.before_request(admit_anybody)
        return

    def ask() -> None:
        admit_anybody()
        wanted = access_of(table)
        if wanted.scope is None:
            return
        g.caller = None
        g.caller = identified(kinds)
        authorize(g.caller, wanted)
        metrics.CALLERS.labels("accepted").inc()

    def count(answer: Response) -> Response:
        if answer.status_code in (401, 403):
            metrics.CALLERS.labels("unknown" if answer.status_code == 401 else "forbidden").inc()
        return answer

    app.before_request(ask)
    app.after_request(count)


def admit_anybody() -> None:
    """Whoever it is, for now."""
    g.caller = ANYBODY


def access_of(table: Mapping[tuple[str, str], Access]) -> Access:
    """What the route in hand asks; one below the prefix that nobody described is for admins."""
    rule = request.url_rule
    if rule is None or not rule.rule.startswith(PREFIX) or request.blueprint in OPEN_BLUEPRINTS:
        return permissions.EVERYBODY
    method = "get" if request.method in ("HEAD", "OPTIONS") else request.method.lower()
    return table.get((method, described_path()), permissions.ADMIN)


def described_path() -> str:
    """The path of the route in hand as the table of operations has it."""
    rule = request.url_rule.rule if request.url_rule else ""
    return _PARAMETER.sub(r"{\1}", rule.removeprefix(PREFIX))


def identified(kinds: Sequence[Authenticator]) -> Caller:
    """Who sent the request in hand; raises `Unauthenticated`."""
    given = request.headers.get("Authorization", "")
    scheme, _, credentials = given.partition(" ")
    if given and scheme.lower() != "bearer":
        raise Unauthenticated("unknown scheme")
    credentials = credentials.strip() or request.headers.get("X-API-Key", "")
    if not credentials:
        raise Unauthenticated("no credentials", given=False)
    for kind in kinds:
        if kind.recognises(credentials):
            return kind.caller(credentials)
    raise Unauthenticated("unknown kind of credentials")


def authorize(caller: Caller, wanted: Access) -> None:
    """Raise `Forbidden` unless `caller` holds the scope and asks for what is theirs."""
    if wanted.scope and not caller.may(wanted.scope):
        raise Forbidden(FieldFault("Authorization", f"needs the scope {wanted.scope}"))
    if wanted.owner_param is None or caller.may(wanted.bypass_scope):
        return
    named = (request.view_args or {}).get(wanted.owner_param) or request.args.get(wanted.owner_param)
    if named is None or named == caller.subject or (wanted.services and caller.subject is None):
        return
    raise Forbidden(FieldFault(wanted.owner_param, "must be your own"))


def caller() -> Caller:
    """Whoever sent the request in hand."""
    found: Caller = g.caller
    return found


def must_be_own(field: str, userid: str, username: str | None = None) -> None:
    """Raise `Forbidden` unless the caller may write as the user in `field`, under this name."""
    if not caller().acts_for(userid):
        raise Forbidden(FieldFault(field, "must be your own"))
    if username is not None and not caller().buys_as(username):
        raise Forbidden(FieldFault("username", "must be your own"))


def own_only() -> dict[str, str]:
    """What tells cm-api to show only the caller's own; `Forbidden` for a service that may not read what is a user's."""
    who = caller()
    if who.may(auth.PURCHASES_READ_ANY):
        return {}
    if who.subject is None:
        raise Forbidden(FieldFault("Authorization", f"needs the scope {auth.PURCHASES_READ_ANY}"))
    return {OWNER_HEADER: quote(who.subject, safe="")}


def own_list(username: str, name_of: Callable[[str], str | None]) -> dict[str, str]:
    """What tells cm-api to show only the caller's own of a list by name; `Forbidden` for the list of somebody else.

    Names are nobody's by themselves, so the list is cut to the caller's id in any case. `name_of` tells a user's
    name where their token doesn't.
    """
    who, shown = caller(), own_only()
    if not shown or who.subject is None:
        return {}
    names = who.usernames | {who.subject}
    if username not in names and (who.usernames or name_of(who.subject) != username):
        raise Forbidden(FieldFault("username", "must be your own"))
    return shown
