"""Attacks on tokens as a table: whatever is wrong with one, the caller is nobody; and keys that rotate or are away."""

from __future__ import annotations

import base64
import hmac
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from cm_server.security.jwks import REFRESH_SECONDS, UNKNOWN_SECONDS, Jwks, parse
from cm_server.security.jwt_tokens import Expected, Tokens
from shop_core.auth import Unauthenticated
from shop_core.errors import Unavailable

ISSUER, AUDIENCE = "https://issuer.example", "scalable-shop"
EXPECTED = Expected(ISSUER, AUDIENCE, ("RS256", "ES256"), leeway=30)
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "RS256", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256", "use": "sig"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "rsa"})
SECRET = OctKey.generate_key(256, {"kid": "secret"})


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def tokens(*keys: Any, expected: Expected = EXPECTED) -> Tokens:
    return Tokens(expected, Jwks(lambda: document(*(keys or (RSA, EC)))))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    every = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada-1", "exp": now + 300, "iat": now, "scope": "purchases:write"}
    return {name: value for name, value in (every | changes).items() if value is not None}


def signed(body: dict[str, Any] | None = None, key: Any = RSA, **header: Any) -> str:
    named = {"alg": "RS256", "kid": "rsa"} | header
    head = {name: value for name, value in named.items() if value is not None}
    return jwt.encode(head, claims() if body is None else body, key, registry=jws.JWSRegistry(algorithms=[head["alg"]]))


def unsigned(header: dict[str, Any], body: dict[str, Any] | None = None, signature: str = "") -> str:
    parts = (json.dumps(header), json.dumps(claims() if body is None else body))
    return ".".join([*(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts), signature])


def confused() -> str:
    """Signed by HMAC with the public key as the secret."""
    head = unsigned({"alg": "HS256", "kid": "rsa"}).rpartition(".")[0]
    signature = hmac.digest(RSA.as_pem(private=False), head.encode(), "sha256")
    return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def changed() -> str:
    head, _, signature = signed().split(".")
    return ".".join([head, unsigned({}, claims(sub="eve")).split(".")[1], signature])


ATTACKS: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: unsigned({"alg": "none", "kid": "rsa"}),
    "no algorithm, oddly written": lambda: unsigned({"alg": "nOnE", "kid": "rsa"}),
    "no algorithm named": lambda: unsigned({"kid": "rsa"}),
    "algorithm is no text": lambda: unsigned({"alg": ["RS256"], "kid": "rsa"}),
    "secret instead of key pair": confused,
    "a secret key": lambda: signed(key=SECRET, alg="HS256", kid="secret"),
    "an algorithm that is not allowed": lambda: signed(key=RSAKey.import_key(RSA.as_pem(private=True)), alg="RS512"),
    "RSA key, EC algorithm": lambda: signed(key=EC, alg="ES256", kid="rsa"),
    "signature taken off": lambda: ".".join([*signed().split(".")[:2], ""]),
    "another payload": changed,
    "signed by another key": lambda: signed(key=FOREIGN),
    "a key it brings along": lambda: signed(key=FOREIGN, jwk=FOREIGN.as_dict(private=False)),
    "a key it points to": lambda: signed(key=FOREIGN, jku="https://evil.example/jwks"),
    "a logout token": lambda: signed(typ="logout+jwt"),
    "a type that is no text": lambda: unsigned({"alg": "RS256", "kid": "rsa", "typ": ["JWT"]}),
    "an ID token": lambda: signed(claims(at_hash="77QmUPtjPfzWtF2AnpK9RQ")),
    "an ID token of a code flow": lambda: signed(claims(c_hash="LDktKdoQak3Pk0cnXxCltA")),
    "an ID token as Keycloak marks it": lambda: signed(claims(typ="ID")),
    "a refresh token": lambda: signed(claims(typ="Refresh")),
    "unknown kid": lambda: signed(kid="other"),
    "kid is a path": lambda: signed(kid="../../etc/passwd"),
    "no kid among several": lambda: signed(kid=None),
    "unknown critical header": lambda: signed(crit=["b64"], b64=False),
    "expired": lambda: signed(claims(exp=int(time.time()) - 31)),
    "never expires": lambda: signed(claims(exp=None)),
    "expiry is no number": lambda: signed(claims(exp="tomorrow")),
    "not valid yet": lambda: signed(claims(nbf=int(time.time()) + 60)),
    "made in the future": lambda: signed(claims(iat=int(time.time()) + 60)),
    "another issuer": lambda: signed(claims(iss="https://evil.example")),
    "no issuer": lambda: signed(claims(iss=None)),
    "another audience": lambda: signed(claims(aud="another-service")),
    "several audiences, not ours": lambda: signed(claims(aud=["a", "b"])),
    "no audience": lambda: signed(claims(aud=None)),
    "no subject": lambda: signed(claims(sub=None)),
    "empty subject": lambda: signed(claims(sub="")),
    "subject is no text": lambda: signed(claims(sub={"$ne": ""})),
    "subject with a control character": lambda: signed(claims(sub="ada\n1")),
    "claims are no object": lambda: jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, b'["sub"]', RSA),
    "five parts": lambda: "a.b.c.d.e",
    "not Base64": lambda: "%%%.e30.AAAA",
    "empty parts": lambda: "..",
    "not ASCII": lambda: "ä.ö.ü",
    "very long": lambda: signed(claims(more="x" * 20_000)),
}


@pytest.mark.security(20)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bad_token_is_nobody(attack: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens().caller(ATTACKS[attack]())


@pytest.mark.security(20)
def test_good_tokens_say_who_calls() -> None:
    caller = tokens().caller(signed(claims(scope="openid purchases:write admins", preferred_username="ada")))
    assert (caller.id, caller.subject, caller.scopes) == ("user:ada-1", "ada-1", frozenset({"purchases:write"}))
    assert caller.usernames == {"ada"}
    assert tokens().caller(signed(key=EC, alg="ES256", kid="ec")).subject == "ada-1"
    assert tokens().caller(signed(claims(aud=["other", AUDIENCE], scope=["admin"]))).scopes == {"admin"}
    assert tokens(RSA).caller(signed(kid=None)).subject == "ada-1", "the only key needs no name"
    assert tokens().caller(signed(claims(exp=int(time.time()) - 20))).subject == "ada-1", "clocks may differ a little"


def test_the_claim_that_is_the_userid_is_a_setting() -> None:
    expected = Expected(ISSUER, AUDIENCE, ("RS256",), user_claim="customer")
    assert tokens(expected=expected).caller(signed(claims(customer="c-7"))).subject == "c-7"
    with pytest.raises(Unauthenticated):
        tokens(expected=expected).caller(signed())


class Issuer:
    """An issuer whose keys and whose absence a test decides; time goes by only when it says so."""

    def __init__(self, *keys: Any) -> None:
        self.keys: tuple[Any, ...] = keys
        self.away = False
        self.fetches = 0
        self.now = 1000.0
        self.jwks = Jwks(self.fetch, lambda: self.now)

    def fetch(self) -> bytes:
        self.fetches += 1
        if self.away:
            raise ConnectionError("away")
        return document(*self.keys)


def test_a_rotated_key_works_at_once_and_made_up_ones_cost_nothing() -> None:
    issuer = Issuer(RSA)
    assert issuer.jwks.find("rsa") and issuer.fetches == 1
    issuer.keys = (RSA, EC)
    issuer.now += UNKNOWN_SECONDS + 1
    assert issuer.jwks.find("ec") and issuer.fetches == 2
    for number in range(1000):
        assert issuer.jwks.find(f"made-up-{number}") is None
    assert issuer.fetches == 2


def test_keys_are_kept_while_the_issuer_is_away() -> None:
    issuer = Issuer(RSA)
    issuer.away = True
    with pytest.raises(Unavailable):
        issuer.jwks.find("rsa")
    issuer.away, issuer.now = False, issuer.now + 2
    assert issuer.jwks.find("rsa")
    issuer.away, issuer.now = True, issuer.now + 10 * REFRESH_SECONDS
    assert issuer.jwks.find("rsa")
    issuer.now += UNKNOWN_SECONDS + 1
    assert issuer.jwks.find("ec") is None and issuer.jwks.find("rsa")


def test_only_public_signing_keys_are_taken() -> None:
    private = {"keys": [RSA.as_dict(private=True), SECRET.as_dict(private=True), {"kty": "RSA", "kid": "broken"}]}
    keys = parse(json.dumps(private).encode())
    assert set(keys) == {"rsa"} and not keys["rsa"][0].is_private
    for bad in (b"[]", b"{}", b'{"keys": 3}', b'{"keys": []}', b"x"):
        with pytest.raises(ValueError):
            parse(bad)


@pytest.mark.security(20)
@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_an_access_token_may_say_that_it_is_one(typ: str) -> None:
    assert tokens().caller(signed(claims(typ="Bearer"), typ=typ)).subject == "ada-1"


@pytest.mark.security(20)
def test_a_key_that_is_too_short_verifies_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of it as well
        short = RSAKey.generate_key(1024, {"kid": "rsa", "alg": "RS256"}, auto_kid=False)
        assert set(parse(document(EC, short))) == {"ec"}
        with pytest.raises(Unauthenticated):
            tokens(EC, short).caller(signed(key=short))
