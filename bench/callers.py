"""What asking callers who they are, and being asked by Kafka, costs an acked purchase: cm-servers alike but for that,
loaded in turn."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from load import buy_request, closed_loop
from servers import serving

from shop_core import api_keys
from shop_security.authority import Authority
from shop_security.secured import Secured
from shop_security.servers import furnish, kafka
from shopctl.layout import HOST

ISSUER, AUDIENCE = "https://issuer.bench", "scalable-shop"


def measure(seconds: float, port: int, prefix: str, folder: Path) -> dict[str, Any]:
    """Acked purchases a second without credentials, with a key and with a token (limits on, counted by worker), and
    with a key where the broker asks as well, by SASL_SSL; all at one broker."""
    secured = Secured(folder / "kafka", port, port + 1, Authority(folder / "authority"), plain_port=port + 2)
    plain = {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{secured.plain_port}"}
    key, token, settings = credentials(folder)
    asking = settings | {"AUTH_MODE": "apikey"}
    doors = {
        "none": (plain, ""),
        "key": (plain | asking, key),
        "token": (plain | settings | {"AUTH_MODE": "jwt"}, token),
        "key and SASL_SSL": (secured.environ("cm-server", **asking), key),
    }
    rates = dict.fromkeys(doors, 0.0)
    failed = 0
    with ExitStack() as stack:
        broker = kafka(secured, port + 3).start()
        stack.callback(broker.stop)
        broker.ready()
        furnish(secured)
        command = [sys.executable, "-m", "cm_server"]
        bases = {
            name: stack.enter_context(serving(command, at, HTTP_PORT=str(at), **extra))
            for at, (name, (extra, _)) in enumerate(doors.items(), start=port + 4)
        }
        for name in (*doors, *doors):
            done = closed_loop(
                f"http://{bases[name]}{prefix}/buy", 32, seconds, partial(buy_request, credentials=doors[name][1])
            )
            rates[name], failed = max(rates[name], done.rate), failed + done.bad
    ratios = {f"{name} against none": rates[name] / rates["none"] for name in doors if name != "none"}
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
        "LIMITS": "9999999/60",
    }
    return key, token, known
