"""The token that authenticates cm-server at cm-api: a shared secret, in a variable or, better, in a reloaded file.

A file may hold several lines: the first is sent, every one is accepted. So a token is rotated without a refused
request: add the new one below, then put it first, then take the old one out.
"""

from __future__ import annotations

import hmac

from flask import Flask, request

from shop_core.auth import Unauthenticated
from shop_core.config.reloading import ReloadingFile, secret
from shop_core.config.settings import ServiceTokenSettings
from shop_core.http import browsers

OPEN_PATHS = ("/healthz", "/readyz", "/metrics")


class ServiceToken:
    """What is sent and what is accepted; nothing of both where no token is set."""

    def __init__(self, settings: ServiceTokenSettings) -> None:
        self._fixed = settings.cm_api_token
        self._file = ReloadingFile(settings.cm_api_token_file, secret) if settings.cm_api_token_file else None

    def accepted(self) -> list[str]:
        return self._file.get().split() if self._file else [self._fixed] if self._fixed else []

    def headers(self) -> dict[str, str]:
        """What cm-server adds to each request."""
        tokens = self.accepted()
        return {"Authorization": f"Bearer {tokens[0]}"} if tokens else {}


def guard_inside(app: Flask, settings: ServiceTokenSettings) -> None:
    """Let only cm-server in; where no token is set, at least nothing that pages elsewhere send."""
    token = ServiceToken(settings)
    guard(app, token)
    if not token.accepted():
        browsers.guard(app, settings.http_allowed_hosts)


def guard(app: Flask, token: ServiceToken) -> None:
    """Answer 401 to everything but health and metrics unless it carries the token; open where none is set."""

    def ask() -> None:
        accepted = token.accepted()
        if not accepted or request.path in OPEN_PATHS:
            return
        given = request.headers.get("Authorization", "").encode()
        if not any(hmac.compare_digest(given, f"Bearer {each}".encode()) for each in accepted):
            raise Unauthenticated("not cm-server", given=bool(given))

    app.before_request(ask)
