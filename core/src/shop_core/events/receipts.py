"""Receipts: where an event stands in Kafka, as text that callers keep and ask by, such as `shop.purchases-3-1024`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from shop_core.errors import FieldFault, MalformedRequest, NotFound

_FORM = re.compile(r"(?P<topic>.+)-(?P<partition>0|[1-9][0-9]{0,5})-(?P<offset>0|[1-9][0-9]{0,17})")


class UnknownReceipt(NotFound):
    """A receipt that nobody was ever given: of a partition that there is not, or from beyond the log's end."""

    def __init__(self, detail: str) -> None:
        super().__init__(FieldFault("receipt", detail))


class Receipt(NamedTuple):
    """The place of one record."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def place(self) -> tuple[int, int]:
        """(partition, offset)."""
        return self.partition, self.offset

    @classmethod
    def of(cls, text: str) -> Self:
        """A receipt of our own; `ValueError` where it is none."""
        topic, partition, offset = text.rsplit("-", 2)
        return cls(topic, int(partition), int(offset))

    @classmethod
    def parse(cls, text: str, topics: Sequence[str]) -> Self:
        """A caller's receipt of one of `topics`, to the character as it was given; `MalformedRequest` for anything
        else, as text that differs by a zero in front is another name for what is kept under the receipt."""
        found = _FORM.fullmatch(text)
        if found is None or found["topic"] not in topics:
            raise MalformedRequest(FieldFault("receipt", "must look like shop.purchases-3-1024"))
        return cls(found["topic"], int(found["partition"]), int(found["offset"]))
