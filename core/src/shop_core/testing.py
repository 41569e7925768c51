"""Fakes for units, held to the same contract tests as the real thing (tests/contract)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from shop_core.errors import Outage
from shop_core.events.envelope import Message, Record


class MemoryPublisher:
    """`shop_core.kafka.publisher.Publisher` in memory: `log` holds what was published, `away` makes it an outage."""

    def __init__(self, partitions: int = 12) -> None:
        self.log: list[Message] = []
        self.away = False
        self._partitions = partitions

    def publish(self, records: Sequence[Record]) -> list[str]:
        self.check()
        receipts = []
        for record in records:
            partition = zlib.crc32(record.key or b"") % self._partitions
            offset = sum((m.topic, m.partition) == (record.topic, partition) for m in self.log)
            self.log.append(Message(record.topic, partition, offset, record.key, record.value, record.headers))
            receipts.append(self.log[-1].receipt)
        return receipts

    def check(self) -> None:
        if self.away:
            raise Outage("the memory publisher was told to be away")

    def close(self) -> None:
        """Nothing is open."""
