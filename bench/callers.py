"""What asking callers who they are costs an acked purchase: cm-servers alike but for AUTH_MODE, loaded in turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from load import buy_request, closed_loop

from shop_core import api_keys

ISSUER, AUDIENCE = "https://issuer.bench", "scalable-shop"


def measure(
    seconds: float, port: int, prefix: str, folder: Path, serving: Callable[..., AbstractContextManager[str]]
) -> dict[str, Any]:
    """Acked purchases a second without credentials, with a key and with a token (limits on, counted by worker)."""
    key, token, settings = credentials(folder)
    doors = {
        "none": ({}, ""),
        "key": (settings | {"AUTH_MODE": "apikey"}, key),
        "token": (settings | {"AUTH_MODE": "jwt"}, token),
    }
    rates = dict.fromkeys(doors, 0.0)
    failed = 0
    with ExitStack() as stack:
        bases = {
            name: stack.enter_context(serving("-m", "cm_server", HTTP_PORT=str(port + number), **extra))
            for number, (name, (extra, _)) in enumerate(doors.items())
        }
        for name in (*doors, *doors):
            done = closed_loop(
                f"{bases[name]}{prefix}/buy", 32, seconds, partial(buy_request, credentials=doors[name][1])
            )
            rates[name], failed = max(rates[name], done.rate), failed + done.bad
    ratios = {f"{name} against none": rates[name] / rates["none"] for name in ("key", "token")}
    return {**rates, **ratios, "failed": failed}


def credentials(folder: Path) -> tuple[str, str, dict[str, str]]:
    """A key, a token, and the settings by which both are known."""
    keys, jwks = folder / "keys.json", folder / "jwks.json"
    key = api_keys.create(keys, "bench", "purchases:write")[1]
    pair = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig"})
    jwks.write_text(json.dumps({"keys": [pair.as_dict(private=False)]}))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "bench", "scope": "admin", "iat": now, "exp": now + 3600}
    token = jwt.encode({"alg": "RS256", "kid": "bench"}, claims, pair)
    known = {
        "AUTH_API_KEYS_FILE": str(keys),
        "AUTH_JWT_ISSUER": ISSUER,
        "AUTH_JWT_AUDIENCE": AUDIENCE,
        "AUTH_JWT_JWKS_FILE": str(jwks),
        "LIMITS": "100000000/60",
    }
    return key, token, known
