"""What the pods of a Shop know their callers by, and prove themselves by: Secrets mounted as folders, and the variables
that name their files.

A folder is swapped as a whole when its Secret changes, and the services read it again; a single file (subPath) or a
variable would keep the old content until the pod ends. The operator itself reads Kafka's login and the token only.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from shop_operator.desired.base import Manifest
from shop_operator.desired.pods import Folder

FOLDER = "/etc/shop"
REDIS_PORT = 6379
MODE = "AUTH_MODE"


@dataclass(frozen=True)
class Credentials:
    """Variables and the folders that they point into."""

    env: dict[str, str]
    folders: tuple[Folder, ...] = ()

    def __add__(self, other: Credentials) -> Credentials:
        return Credentials(self.env | other.env, self.folders + other.folders)


NONE = Credentials({})


def of_server(shop: Manifest) -> Credentials:
    """cm-server: its callers, how often they may call, and its token at cm-api."""
    callers = _callers(shop["spec"].get("auth") or {"mode": "none"})
    return callers + _limits(shop) + _service_token(shop) + _kafka(shop, "cm-server")


def of_api(shop: Manifest) -> Credentials:
    """cm-api: the token that it asks cm-server for, MongoDB, Kafka and the shared cache."""
    return _service_token(shop) + _mongodb(shop, "readerUriSecretRef") + _kafka(shop, "cm-api") + _cache(shop)


def of_ops(shop: Manifest) -> Credentials:
    """cm-ops: the same token, a user of MongoDB that reads positions, and one of Kafka that sees no event."""
    field = "opsUriSecretRef" if "opsUriSecretRef" in shop["spec"]["mongodb"] else "readerUriSecretRef"
    return _service_token(shop) + _mongodb(shop, field) + _kafka(shop, "cm-ops")


def of_consumer(shop: Manifest, domain: str) -> Credentials:
    """One domain's consumer: MongoDB, Kafka and the shared cache."""
    return _mongodb(shop, "uriSecretRef", domain) + _kafka(shop, f"{domain}-consumer") + _cache(shop)


def of_indexes(shop: Manifest) -> Credentials:
    """The Job that makes indexes."""
    return _mongodb(shop, "migratorUriSecretRef")


def _mongodb(shop: Manifest, field: str, domain: str = "") -> Credentials:
    """The URI of one user of MongoDB, and none of its Secret's other keys; one Secret may serve all."""
    said = shop["spec"]["mongodb"]
    reference = said.get(field) or said["uriSecretRef"]
    key = said.get("consumerUriKeys", {}).get(domain, reference["key"])
    found = _file("MONGODB_URI_FILE", "mongodb", reference["name"], key)
    if trust := said.get("caSecretRef"):
        found += _file("MONGODB_TLS_CA_FILE", "mongodb-ca", trust["name"], "ca.crt")
    return found


def _kafka(shop: Manifest, principal: str) -> Credentials:
    """The login of one principal of kafka/acls.json, where Kafka asks for one."""
    said = shop["spec"]["kafka"]
    passwords, trust = said.get("passwordsSecretRef"), said.get("caSecretRef")
    if not passwords and not trust:
        return NONE
    found = Credentials({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL" if passwords else "SSL"})
    if trust:
        found += _file("KAFKA_SSL_CA_FILE", "kafka-ca", trust["name"], "ca.crt")
    if passwords:
        found += Credentials({"KAFKA_SASL_USERNAME": principal})
        found += _file("KAFKA_SASL_PASSWORD_FILE", "kafka", passwords["name"], principal)
    return found


def _cache(shop: Manifest) -> Credentials:
    """The shared cache's URL, as it is or in a file; nothing where there is no such cache."""
    said = shop["spec"].get("cache")
    if not said:
        return NONE
    store = said.get("urlSecretRef")
    return (
        _file("CACHE_URL_FILE", "cache", store["name"], store["key"])
        if store
        else Credentials({"CACHE_URL": said["url"]})
    )


def open_to_all(env: list[Manifest]) -> bool:
    """Whether nobody is asked who they are, by the environment of cm-server."""
    modes = [entry.get("value", "") for entry in env if entry["name"] == MODE]
    return modes[-1:] not in (["apikey"], ["jwt"])


def server_ports(shop: Manifest) -> list[int]:
    """Where cm-server goes to hold its callers to what they may: the limits' store and the issuer's keys."""
    spec = shop["spec"]
    limits, issuer = spec.get("limits", {}), spec.get("auth", {}).get("jwt", {}).get("jwksUrl")
    ports = [limits.get("port", REDIS_PORT)] if limits.get("url") or limits.get("urlSecretRef") else []
    if issuer:
        parts = urlsplit(issuer)
        ports.append(parts.port or (443 if parts.scheme == "https" else 80))
    return ports


def _callers(said: Manifest) -> Credentials:
    found = Credentials({MODE: said["mode"]})
    if said["mode"] == "none":
        return found
    if keys := said.get("apiKeysSecretRef"):
        found += _file("AUTH_API_KEYS_FILE", "api-keys", keys["name"], "keys.json")
    return found + _issuer(said["jwt"]) if said["mode"] == "jwt" else found


def _issuer(said: Manifest) -> Credentials:
    names = {
        "issuer": "AUTH_JWT_ISSUER",
        "audience": "AUTH_JWT_AUDIENCE",
        "jwksUrl": "AUTH_JWT_JWKS_URL",
        "userClaim": "AUTH_JWT_USER_CLAIM",
        "usernameClaim": "AUTH_JWT_USERNAME_CLAIM",
        "scopeClaim": "AUTH_JWT_SCOPE_CLAIM",
    }
    found = Credentials({names[key]: said[key] for key in names if said.get(key)})
    if keys := said.get("jwksSecretRef"):
        found += _file("AUTH_JWT_JWKS_FILE", "jwks", keys["name"], "jwks.json")
    if trust := said.get("caSecretRef"):
        found += _file("AUTH_JWT_CA_FILE", "issuer-ca", trust["name"], "ca.crt")
    return found


def _limits(shop: Manifest) -> Credentials:
    said = shop["spec"].get("limits")
    if not said:
        return NONE
    found = Credentials({"LIMITS": said["rules"]} | ({"LIMITS_URL": said["url"]} if said.get("url") else {}))
    store = said.get("urlSecretRef")
    return found + _file("LIMITS_URL_FILE", "limits", store["name"], store["key"]) if store else found


def _service_token(shop: Manifest) -> Credentials:
    reference = shop["spec"].get("serviceTokenSecretRef")
    return _file("CM_API_TOKEN_FILE", "service-token", reference["name"], "token") if reference else NONE


def _file(variable: str, name: str, secret: str, key: str) -> Credentials:
    folder = Folder(secret, f"{FOLDER}/{name}", (key,))
    return Credentials({variable: f"{folder.path}/{key}"}, (folder,))
