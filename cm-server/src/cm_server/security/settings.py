"""Settings of who may call, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from shop_core.config.settings import LogSettings
from shop_runtime.settings_loader import text, variable, whole

MODES = ("none", "apikey", "jwt")
# Signatures by key pairs only: a secret that both sides know could be confused with a public key.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip


def mode(value: str) -> str:
    if value not in MODES:
        raise ValueError(f"must be one of {', '.join(MODES)}")
    return value


def algorithms(value: str) -> str:
    names = value.replace(",", " ").split()
    if not names or any(name not in ALGORITHMS for name in names):
        raise ValueError(f"must name some of {', '.join(ALGORITHMS)}")
    return ",".join(names)


def private_url(value: str) -> str:
    """https, or http where the way doesn't leave the machine or the cluster."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    inside = host in ("localhost", "127.0.0.1", "::1") or host.endswith((".svc", ".svc.cluster.local"))
    if parts.scheme != "https" and not (parts.scheme == "http" and inside):
        raise ValueError("must be an https:// address (http:// only to localhost or a service of the cluster)")
    return value


@dataclass(frozen=True)
class AuthSettings(LogSettings):
    """Who may call."""

    auth_mode: str = variable(
        "AUTH_MODE", "none", mode, "", "How callers are authenticated: none (everybody may call), apikey or jwt"
    )
    api_keys_file: str = variable(
        "AUTH_API_KEYS_FILE", "", text, "path", "API keys made by `shopctl keys`; with jwt they are accepted as well"
    )
    jwt_issuer: str = variable("AUTH_JWT_ISSUER", "", text, "URL", "`iss` of accepted tokens")
    jwt_audience: str = variable("AUTH_JWT_AUDIENCE", "", text, "", "`aud` of accepted tokens")
    jwt_jwks_url: str = variable("AUTH_JWT_JWKS_URL", "", private_url, "URL", "The issuer's public keys")
    jwt_jwks_file: str = variable("AUTH_JWT_JWKS_FILE", "", text, "path", "The issuer's public keys, instead of a URL")
    jwt_ca_file: str = variable(
        "AUTH_JWT_CA_FILE",
        "",
        text,
        "path",
        "File of the CA certificates that the JWKS URL's certificate is verified with",
    )
    jwt_algorithms: str = variable(
        "AUTH_JWT_ALGORITHMS", "RS256,ES256", algorithms, "", "Accepted signatures, asymmetric ones only"
    )
    jwt_leeway: int = variable("AUTH_JWT_LEEWAY", 30, whole(0, 300), "seconds", "Clock skew that is tolerated")
    jwt_user_claim: str = variable("AUTH_JWT_USER_CLAIM", "sub", text, "", "Claim that is the caller's userid")
    jwt_username_claim: str = variable(
        "AUTH_JWT_USERNAME_CLAIM", "preferred_username", text, "", "Claim that is the caller's username"
    )
    jwt_scope_claim: str = variable("AUTH_JWT_SCOPE_CLAIM", "scope", text, "", "Claim that lists the scopes")
