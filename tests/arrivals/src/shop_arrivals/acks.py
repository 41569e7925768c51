"""Where the records lie that a client sent, by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shop_arrivals.records import Foreign


@dataclass
class Acks:
    """The places of acked records by number (partition, offset), and why the broker or client took others not."""

    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def receipt(self, record: Foreign) -> str | None:
        place = self.places.get(record.number)
        return None if place is None else f"{record.draw.domain.topic}-{place[0]}-{place[1]}"


def receipts_of(acks: Acks, records: Sequence[Foreign]) -> dict[str, Foreign]:
    """The acked records by receipt."""
    return {receipt: record for record in records if (receipt := acks.receipt(record)) is not None}
