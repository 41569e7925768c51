"""The settings that several services have: one frozen dataclass a part, and how the environment fills it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import TypeVar

from shop_core.config.known_variables import KNOWN
from shop_core.errors import ConfigError
from shop_runtime.settings_loader import Loader, choice, text, variable, whole

S = TypeVar("S")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_PREFIXES = (
    "KAFKA_",
    "MONGODB_",
    "HTTP_",
    "CM_API_",
    "CM_OPS_",
    "CM_SERVER_",
    "LOG_",
    "API_DOCS_",
    "HEALTH_",
    "CONSUMER_",
    "IDEMPOTENCY_",
    "CACHE_",
    "CATALOG_",
    "AUTH_",
    "LIMIT",
    "ANALYTICS_",
    "CONTENT_",
)
_LOADER = Loader(_PREFIXES, KNOWN, ConfigError)


def load(cls: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """`cls` filled from `environ`; raises `ConfigError` naming the variable and what to set it to."""
    return _LOADER.load(cls, environ)


def flag(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return value.lower() in ("true", "1")


def host_names(value: str) -> str:
    """`shop.example,www.shop.example`: none, or some."""
    names = [name.strip().lower() for name in value.split(",")]
    if value and not all(_HOST.fullmatch(name) for name in names):
        raise ValueError("must be names of hosts with commas between, without ports")
    return ",".join(names)


def address_list(value: str) -> str:
    for part in value.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()):
            raise ValueError("must be host:port[,host:port…]")
    return value


def redis_address(value: str) -> str:
    """The address of a Redis or Valkey, which speak alike."""
    if value and not value.startswith(("redis://", "rediss://", "unix://", "valkey://", "valkeys://")):
        raise ValueError("must be like redis://host:6379/0, or empty")
    return value.replace("valkey", "redis", 1) if value.startswith("valkey") else value


@dataclasses.dataclass(frozen=True)
class LogSettings:
    """What every process has."""

    log_level: str = variable("LOG_LEVEL", "INFO", text, "", "Level of all loggers: DEBUG, INFO, WARNING, ERROR")
    log_levels: str = variable("LOG_LEVELS", "", str, "", "Levels by logger: kafka=WARNING,cm_api=DEBUG")
    log_level_file: str = variable("LOG_LEVEL_FILE", "", str, "", "File with levels, read again on SIGHUP")


@dataclasses.dataclass(frozen=True)
class HttpSettings(LogSettings):
    """What every HTTP service has."""

    http_read_timeout: int = variable(
        "HTTP_READ_TIMEOUT", 20, whole(1, 600), "seconds", "The complete request must arrive within this time"
    )
    http_connections: int = variable(
        "HTTP_CONNECTIONS", 4096, whole(16, 65536), "connections", "Most that a worker keeps open at once"
    )
    http_allowed_hosts: str = variable(
        "HTTP_ALLOWED_HOSTS",
        "",
        host_names,
        "names",
        "Where nobody is asked: names of the service besides local ones and addresses",
    )


@dataclasses.dataclass(frozen=True)
class ServiceTokenSettings(HttpSettings):
    """By what cm-api knows cm-server: both are HTTP services."""

    cm_api_token: str = variable("CM_API_TOKEN", "", text, "", "Token that cm-api asks for and cm-server sends")
    cm_api_token_file: str = variable(
        "CM_API_TOKEN_FILE", "", text, "path", "File with that token, read again when it changes"
    )


@dataclasses.dataclass(frozen=True)
class KafkaSettings(LogSettings):
    """What every process that talks to Kafka has."""

    bootstrap_servers: str = variable(
        "KAFKA_BOOTSTRAP_SERVERS",
        "127.0.0.1:9092",
        address_list,
        "host:port,…",
        "Kafka brokers to start from",
    )
    security_protocol: str = variable(
        "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), "",
        "Security protocol of the brokers: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    )  # fmt: skip
    ssl_ca_file: str = variable(
        "KAFKA_SSL_CA_FILE",
        "",
        text,
        "path",
        "File of the CA certificates that the brokers' certificates are verified with",
    )
    sasl_mechanism: str = variable(
        "KAFKA_SASL_MECHANISM",
        "SCRAM-SHA-512",
        choice("SCRAM-SHA-512", "SCRAM-SHA-256"),
        "",
        "SASL mechanism of the login",
    )
    sasl_username: str = variable("KAFKA_SASL_USERNAME", "", text, "", "SASL user name of this process")
    sasl_password_file: str = variable("KAFKA_SASL_PASSWORD_FILE", "", text, "path", "File with that user's password")


@dataclasses.dataclass(frozen=True)
class MongoSettings(LogSettings):
    """What every process that talks to MongoDB has."""

    mongodb_uri: str = variable(
        "MONGODB_URI",
        "mongodb://127.0.0.1:27017",
        text,
        "URI",
        "MongoDB replica set (transactions are needed)",
    )
    mongodb_database: str = variable("MONGODB_DATABASE", "shop", text, "", "Database of the read models")
    mongodb_uri_file: str = variable(
        "MONGODB_URI_FILE",
        "",
        text,
        "path",
        "File that holds the URI, for a URI with a password; overrides MONGODB_URI",
    )
    mongodb_ca_file: str = variable(
        "MONGODB_TLS_CA_FILE",
        "",
        text,
        "path",
        "File of the CA certificates that MongoDB's certificate is verified with; turns TLS on",
    )


@dataclasses.dataclass(frozen=True)
class CacheSettings(LogSettings):
    """What every process that uses the shared cache has."""

    cache_url: str = variable(
        "CACHE_URL",
        "",
        redis_address,
        "URL",
        "Redis or Valkey for products and what is live; empty: each process for itself",
    )
    cache_url_file: str = variable("CACHE_URL_FILE", "", text, "path", "File with that URL, where it has a password")
    cache_ttl: int = variable("CACHE_TTL", 60, whole(1, 86_400), "seconds", "Longest life of an entry in CACHE_URL")
