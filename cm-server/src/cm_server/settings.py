"""Settings of cm-server."""

from __future__ import annotations

from dataclasses import dataclass

from cm_server.rate_limit.settings import LimitSettings
from cm_server.security.settings import AuthSettings
from shop_core.config.settings import KafkaSettings, ServiceTokenSettings, flag
from shop_core.kafka.producers import AUTO, CLIENTS, choose
from shop_runtime.settings_loader import text, variable, whole


def url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


def url_or_none(value: str) -> str:
    return url(value) if value else ""


def path(value: str) -> str:
    if not value.startswith("/") or len(value) < 2:
        raise ValueError("must be a path such as /docs")
    return value.rstrip("/")


def client(value: str) -> str:
    known = (AUTO, *CLIENTS)
    if value not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    choose(value)
    return value


@dataclass(frozen=True)
class ServerSettings(AuthSettings, LimitSettings, ServiceTokenSettings, KafkaSettings):
    """The HTTP door."""

    http_host: str = variable("HTTP_HOST", "127.0.0.1", text, "address", "Address to listen on")
    http_port: int = variable("HTTP_PORT", 8080, whole(1, 65535), "port", "Port to listen on")
    http_workers: int = variable("HTTP_WORKERS", 2, whole(1, 64), "processes", "gunicorn workers")
    http_threads: int = variable("HTTP_THREADS", 16, whole(2, 256), "threads", "Threads of each worker")
    cm_api_url: str = variable("CM_API_URL", "http://127.0.0.1:8081", url, "URL", "Where cm-api answers queries")
    cm_ops_url: str = variable(
        "CM_OPS_URL", "", url_or_none, "URL", "Where cm-ops tells how the platform does; empty: there is no view of it"
    )
    ack_timeout: int = variable("KAFKA_ACK_TIMEOUT", 4, whole(1, 4), "seconds", "Longest wait for the broker's ack")
    max_in_flight: int = variable(
        "KAFKA_MAX_IN_FLIGHT", 4096, whole(1000, 1_000_000), "events", "Events sent and not acked, by worker"
    )
    kafka_client: str = variable(
        "KAFKA_CLIENT", AUTO, client, "",
        "Producer: python (kafka-python), native (confluent-kafka, an extra), or auto: native where it is installed",
    )  # fmt: skip
    deduplicate: bool = variable(
        "CONTENT_BASED_DEDUPLICATION", True, flag, "",
        "Without an Idempotency-Key, the same purchase or review with the same `timestamp` is one",
    )  # fmt: skip
    catalog_max_age: int = variable(
        "CATALOG_MAX_AGE", 0, whole(0, 3600), "seconds",
        "How long shared caches may keep reads of the catalog, with AUTH_MODE=none only; 0: not at all",
    )  # fmt: skip
    catalog_stale: int = variable(
        "CATALOG_STALE_WHILE_REVALIDATE", 0, whole(0, 3600), "seconds",
        "How much longer they may serve such an answer while they fetch a newer one",
    )  # fmt: skip
    docs_active: bool = variable("API_DOCS_ACTIVE", True, flag, "", "Serve /openapi.json and the docs page")
    docs_path: str = variable("API_DOCS_PATH", "/docs", path, "path", "Path of the docs page below the prefix")
