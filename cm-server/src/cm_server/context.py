"""What the routes are given: the publisher, the way to cm-api, and the clock. Made once a worker, in `app`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cm_server.idempotency_keys import UsedKeys
from cm_server.query_proxy.brief_lookup import BriefQuestions
from cm_server.query_proxy.client import QueryClient
from cm_server.query_proxy.ops_client import OpsClient
from cm_server.query_proxy.receipt_streams import ReceiptStreams
from shop_core.kafka.publisher import Publisher

PREFIX = "/scalable-shop-cm-server"


@dataclass(frozen=True)
class Context:
    """All that a route works by. `deduplicate`: what names its moment and comes twice without a key is one command.
    `ops` asks cm-ops, where one runs."""

    publisher: Publisher
    queries: QueryClient
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    deduplicate: bool = True
    ops: OpsClient | None = None
    questions: BriefQuestions = field(init=False)
    used_keys: UsedKeys = field(init=False)
    streams: ReceiptStreams = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "questions", BriefQuestions(self.queries))
        object.__setattr__(self, "used_keys", UsedKeys(self.questions))
        object.__setattr__(self, "streams", ReceiptStreams(self.queries))
