"""Says how much log commands make: lines and bytes of 1,000 purchases at DEBUG and at INFO, without Kafka."""

from __future__ import annotations

import io
import logging
import sys

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.config.settings import LogSettings
from shop_core.telemetry import logs
from shop_core.telemetry.request_summary import EXTENSION
from shop_core.testing import MemoryPublisher

REQUESTS = 1000
PURCHASE = {"username": "Ada", "userid": "ada-1", "price": "2.50"}


def volume(level: str) -> tuple[int, int]:
    """Lines and bytes that `REQUESTS` purchases write at this level, all within one minute."""
    app = build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), ServerSettings())
    logs.configure(LogSettings(log_level=level))
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    handler.setStream(stream)
    client = app.test_client()
    for _ in range(REQUESTS):
        assert client.post(f"{PREFIX}/buy", json=PURCHASE).status_code == 200
    app.extensions[EXTENSION].close()
    text = stream.getvalue()
    return text.count("\n"), len(text.encode())


def main() -> None:
    for level in ("DEBUG", "INFO"):
        lines, size = volume(level)
        sys.stdout.write(f"{level}: {lines:,} lines, {size:,} bytes for {REQUESTS:,} × POST /buy\n")


if __name__ == "__main__":
    main()
