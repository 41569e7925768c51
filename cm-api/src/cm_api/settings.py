"""Settings of cm-api's two commands."""

from __future__ import annotations

from dataclasses import dataclass

from shop_core.config.settings import CacheSettings, KafkaSettings, MongoSettings, ServiceTokenSettings
from shop_runtime.settings_loader import text, variable, whole


@dataclass(frozen=True)
class QuerySettings(ServiceTokenSettings, KafkaSettings, MongoSettings, CacheSettings):
    """The query API."""

    http_host: str = variable("HTTP_HOST", "127.0.0.1", text, "address", "Address to listen on")
    http_port: int = variable("HTTP_PORT", 8081, whole(1, 65535), "port", "Port to listen on")
    http_workers: int = variable("HTTP_WORKERS", 1, whole(1, 64), "processes", "gunicorn workers")
    http_threads: int = variable("HTTP_THREADS", 48, whole(3, 256), "threads", "Threads of each worker")


@dataclass(frozen=True)
class ConsumerSettings(KafkaSettings, MongoSettings, CacheSettings):
    """A consumer."""

    health_host: str = variable(
        "HEALTH_HOST", "127.0.0.1", text, "address", "Address of health and metrics; * for every one"
    )
    health_port: int = variable("HEALTH_PORT", 8090, whole(1, 65535), "port", "Port of health and metrics")
    batch: int = variable("CONSUMER_BATCH", 2000, whole(1, 10000), "events", "Events of one transaction, at most")
    session_timeout_ms: int = variable(
        "CONSUMER_SESSION_TIMEOUT_MS",
        10_000,
        whole(1000, 300_000),
        "ms",
        "Session timeout: the group removes a member after so long without a heartbeat",
    )
    visitor_days: int = variable(
        "ANALYTICS_VISITOR_DAYS",
        90,
        whole(2, 3650),
        "days",
        "Days to keep per-user visitor records, which unique-user counts depend on",
    )
