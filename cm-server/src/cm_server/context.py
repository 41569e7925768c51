"""What the routes are given: the publisher, the way to cm-api, and the clock. Made once a worker, in `app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cm_server.queries import QueryClient
from shop_core.kafka.publisher import Publisher

PREFIX = "/scalable-shop-cm-server"


@dataclass(frozen=True)
class Context:
    """All that a route works by."""

    publisher: Publisher
    queries: QueryClient
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
