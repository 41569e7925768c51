"""Settings of cm-ops."""

from __future__ import annotations

from dataclasses import dataclass

from shop_core.config.settings import KafkaSettings, MongoSettings, ServiceTokenSettings
from shop_runtime.settings_loader import text, variable, whole


@dataclass(frozen=True)
class OpsSettings(ServiceTokenSettings, KafkaSettings, MongoSettings):
    """The process that looks."""

    http_host: str = variable("HTTP_HOST", "127.0.0.1", text, "address", "Address to listen on")
    http_port: int = variable("HTTP_PORT", 8082, whole(1, 65535), "port", "Port to listen on")
    http_threads: int = variable("HTTP_THREADS", 4, whole(3, 256), "threads", "Threads of each worker")
