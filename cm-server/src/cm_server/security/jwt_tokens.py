"""Tokens of an OIDC issuer: a signed JWT becomes a caller, or nothing.

The algorithm comes from our settings and the key, never from the token alone; keys that a token carries or points to
are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from cm_server.security.jwks import Jwks
from shop_core.auth import SCOPES, Caller, Unauthenticated
from shop_core.errors import InvalidInput
from shop_core.events.fields import check_text

MOST_CHARACTERS = 8192
# An access token says so (RFC 9068), or no more than that it is a JWT; what else a signed JWT may be names itself.
TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
# An ID token tells a client who logged in: it is no permission to call. These claims are in no other (OIDC Core §3).
ID_TOKEN = ("at_hash", "c_hash")
# As Keycloak marks what it signs by the same key, in a claim.
OTHER_KINDS = ("ID", "Refresh", "Offline", "Logout")
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


@dataclass(frozen=True)
class Expected:
    """What a token must say, and which of its claims say who the caller is."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    leeway: int = 30
    user_claim: str = "sub"
    username_claim: str = "preferred_username"
    scope_claim: str = "scope"


class Tokens:
    """`shop_core.auth.Authenticator` by the issuer's keys."""

    def __init__(self, expected: Expected, keys: Jwks) -> None:
        self._expected = expected
        self._keys = keys
        self._registry = jws.JWSRegistry(algorithms=list(expected.algorithms))
        self._claims = jwt.JWTClaimsRegistry(
            leeway=expected.leeway,
            iss={"essential": True, "value": expected.issuer},
            aud={"essential": True, "value": expected.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def recognises(self, credentials: str) -> bool:
        return True

    def caller(self, credentials: str) -> Caller:
        header = header_of(credentials)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._expected.algorithms:
            raise Unauthenticated("algorithm is not allowed")
        if header.get("typ") is not None and str(header["typ"]).lower() not in TYPES:
            raise Unauthenticated("typ is not that of an access token")
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated("kid is no string")
        found = self._keys.find(kid)
        if found is None:
            raise Unauthenticated("unknown kid")
        key, meant_for = found
        if key.key_type != KEY_TYPES[algorithm[:2]] or meant_for not in (None, algorithm):
            raise Unauthenticated("the key is for another algorithm")
        try:
            token = jwt.decode(credentials, key, algorithms=[algorithm], registry=self._registry)
            self._claims.validate(token.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"{type(error).__name__}") from None
        return self._caller(token.claims)

    def _caller(self, claims: dict[str, Any]) -> Caller:
        if any(name in claims for name in ID_TOKEN) or claims.get("typ") in OTHER_KINDS:
            raise Unauthenticated("no access token")
        expected = self._expected
        try:
            subject = check_text(expected.user_claim, claims.get(expected.user_claim) or "")
        except (InvalidInput, TypeError, AttributeError):
            raise Unauthenticated(f"claim {expected.user_claim} names no user") from None
        username = claims.get(expected.username_claim)
        return Caller(
            f"user:{subject}",
            subject,
            frozenset(scopes_in(claims.get(expected.scope_claim))),
            frozenset({username}) if isinstance(username, str) and username else frozenset(),
        )


def header_of(token: str) -> dict[str, Any]:
    """The unverified header of a compact JWS; `Unauthenticated` for anything else."""
    parts = token.split(".")
    if len(token) > MOST_CHARACTERS or len(parts) != 3:
        raise Unauthenticated("not a token")
    try:
        return msgspec.json.decode(urlsafe_b64decode(parts[0].encode()), type=dict[str, Any])
    except (ValueError, UnicodeEncodeError):
        raise Unauthenticated("not a token") from None


def scopes_in(claim: Any) -> set[str]:
    """The scopes of ours in a claim that is a list or words; an issuer's others mean nothing here."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return {word for word in words if isinstance(word, str) and word in SCOPES}
