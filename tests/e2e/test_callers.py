"""A release whose callers have tokens of an issuer, and may call only so often: over all pods of cm-server, by the one
Redis that they count in."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
from joserfc import jwt
from joserfc.jwk import RSAKey

from shop_cluster.canaries import CANARY
from shop_cluster.images import PREFIX
from shop_cluster.installation import Installation

Until = Callable[..., None]
ISSUER, AUDIENCE = "https://issuer.e2e.test", "shop-e2e"
LIMIT = 60
LIMITED = "/v1/products"
REQUESTS = 300
REFUSED = f'shop_limited_total{{route="GET {LIMITED}"}}'
REDIS = f"{PREFIX}/redis:1"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def fresh_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "e2e", "use": "sig"})


@dataclass(frozen=True)
class Caller:
    """Somebody with a token of the issuer, or with what only looks like one."""

    shop: Installation
    key: RSAKey
    sub: str = field(default_factory=lambda: f"{CANARY}-{uuid.uuid4().hex[:8]}")

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": self.sub, "scope": "purchases:write", "exp": now + 600}
        return jwt.encode({"alg": "RS256", "kid": "e2e"}, said | claims, self.key)

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return self.shop.ask(method, path, body=body and json.dumps(body).encode(), headers=headers)

    def buys_for(self, userid: str, path: str = "/buy") -> int:
        return self.ask("POST", path, {"username": userid, "userid": userid, "price": "1.00"}).status


@pytest.fixture(scope="module")
def redis(shop: Installation) -> Iterator[str]:
    """The address of a Redis in the cluster."""
    labels, head = {"app": "limits"}, {"name": "limits", "namespace": shop.namespace}
    container = {
        "name": "redis",
        "image": REDIS,
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
        # Without a share of its own it would answer too late on a busy node.
        "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security}
    shop.apply({"apiVersion": "v1", "kind": "Pod", "metadata": head | {"labels": labels}, "spec": spec})
    ports = {"selector": labels, "ports": [{"port": 6379}]}
    shop.apply({"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": ports})
    shop.kubectl("wait", "pod/limits", "--for=condition=Ready", "--timeout=60s")
    yield f"redis://limits.{shop.namespace}.svc:6379/0"
    shop.kubectl("delete", "pod,service", "limits", "--grace-period=1")


@pytest.fixture(scope="module")
def caller(shop: Installation, redis: str, until: Until) -> Iterator[Callable[..., Caller]]:
    """Makes callers of the release, which meanwhile asks them for tokens and counts them in Redis."""
    key = fresh_key()
    jwks = json.dumps({"keys": [key.as_dict(private=False)]})
    shop.kubectl("create", "secret", "generic", "issuer", f"--from-literal=jwks.json={jwks}")
    shop.kubectl("create", "secret", "generic", "store", f"--from-literal=url={redis}")
    auth = f"auth.mode=jwt,auth.jwt.issuer={ISSUER},auth.jwt.audience={AUDIENCE},auth.jwt.jwksSecret=issuer"
    limits = f"limits.rules=GET {LIMITED}={LIMIT}/60,limits.existingSecret.name=store"

    def make(key: RSAKey = key, **named: str) -> Caller:
        return Caller(shop, key, **named)

    try:
        shop.upgrade("--set", auth, "--set", limits)
        # Several in a row, as a pod of before the upgrade may still be on its way out.
        until(lambda: all(make().buys_for("nobody") == 403 for _ in range(8)), "every pod asks for tokens", 60)
        yield make
    finally:
        shop.upgrade()
        shop.kubectl("delete", "secret", "issuer", "store")


@pytest.mark.security(21)
def test_a_token_opens_what_is_its_own_and_nothing_else(caller: Callable[..., Caller], until: Until) -> None:
    ada, other = caller(), caller()
    assert (ada.buys_for(ada.sub), ada.buys_for(ada.sub, "/v1/purchases")) == (200, 202)
    profile = f"/v1/users/{ada.sub}"
    until(lambda: ada.ask("GET", profile).json().get("count") == 2, "both purchases are stored", 30)
    for path in (profile, f"{profile}/purchases", f"/getAllUserBuys/{ada.sub}"):
        assert ada.ask("GET", path).status == 200
        assert other.ask("GET", path).status == 403
    assert other.buys_for(ada.sub) == other.buys_for(ada.sub, "/v1/purchases") == 403
    assert other.ask("DELETE", profile).status == 403
    assert ada.ask("GET", profile).json()["count"] == 2
    assert ada.shop.request("GET", profile).status == 200, "the admin's API key goes on"


@pytest.mark.security(20)
def test_what_only_looks_like_a_token_is_refused(caller: Callable[..., Caller], shop: Installation) -> None:
    ada = caller()
    stranger = caller(fresh_key(), sub=ada.sub)
    header, claims, signature = ada.token().split(".")
    unsigned, symmetric = (base64url(b'{"alg":"%s","kid":"e2e"}' % alg) for alg in (b"none", b"HS256"))
    confused = f"{symmetric}.{claims}"
    secret = hmac.digest(ada.key.as_pem(private=False), confused.encode(), "sha256")
    bad = {
        "expired": ada.token(exp=int(time.time()) - 60),
        "not yet valid": ada.token(nbf=int(time.time()) + 600),
        "of another issuer": ada.token(iss="https://other.e2e.test"),
        "for another audience": ada.token(aud="other"),
        "signed by another key": stranger.token(),
        "not signed": f"{unsigned}.{claims}.",
        "signed with the public key as secret": f"{confused}.{base64url(secret)}",
        "changed": f"{header}.{claims[:-2]}AA.{signature}",
    }
    path = f"/v1/users/{ada.sub}/purchases"
    assert ada.ask("GET", path).status in (200, 404)
    assert {why: ada.ask("GET", path, token=token).status for why, token in bad.items()} == dict.fromkeys(bad, 401)
    assert shop.ask("GET", path).status == 401


def counted(shop: Installation, name: str) -> list[int]:
    """What each pod of cm-server has counted under a metric's name."""
    servers = shop.pods("-l", "app.kubernetes.io/name=cm-server")
    pattern = re.compile(rf"^{re.escape(name)} (\S+)$", re.MULTILINE)
    return [sum(int(float(value)) for value in pattern.findall(shop.metrics(pod))) for pod in servers]


@pytest.mark.security(22)
def test_a_limit_holds_over_the_pods(caller: Callable[..., Caller], shop: Installation, until: Until) -> None:
    answers: list[urllib3.BaseHTTPResponse] = []
    before: list[int] = []

    def shared() -> bool:
        """Whether Redis answered all the time; while it is away each pod counts for itself, which is another test's."""
        many, errors = caller(), counted(shop, "shop_limit_store_errors_total")
        before[:] = counted(shop, REFUSED)
        with ThreadPoolExecutor(16) as pool:
            answers[:] = pool.map(lambda _: many.ask("GET", LIMITED), range(REQUESTS))
        return counted(shop, "shop_limit_store_errors_total") == errors

    until(shared, "a count that Redis has seen in whole", 120)
    passed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(passed) + len(refused) == REQUESTS
    assert LIMIT <= len(passed) <= 1.1 * LIMIT
    for answer in refused:
        assert 1 <= int(answer.headers["Retry-After"]) <= LIMIT + 6
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["RateLimit-Remaining"] == "0"
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {f"{LIMIT};w=60"}
    assert caller().ask("GET", LIMITED).status == 200, "another caller has a count of their own"
    grown = [after - earlier for earlier, after in zip(before, counted(shop, REFUSED), strict=True)]
    assert len(grown) >= 2 and all(grown), "each pod has refused some"
    assert sum(grown) == len(refused)
