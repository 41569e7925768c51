"""Fakes for units, held to the same contract tests as the real thing (tests/contract)."""

from __future__ import annotations

import copy
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shop_core.errors import RecordTooLarge, Refused, ShopError, TopicRefused, Unavailable
from shop_core.events.envelope import Message, Record
from shop_core.kafka.producer_port import MAX_REQUEST_BYTES, Acked, Failed, NoAck, check_record, headers_of
from shop_core.kafka.publish_batch import Outcome
from shop_core.kafka.publisher import receipts_of


class MemoryPublisher:
    """`shop_core.kafka.publisher.Publisher` in memory: `log` holds what was published, `away` makes it an outage,
    `missing` names topics that are not there, and `limits` says how many bytes a topic takes in one record."""

    def __init__(self, partitions: int = 12) -> None:
        self.log: list[Message] = []
        self.away = False
        self.missing: set[str] = set()
        self.limits: dict[str, int] = {}
        self._partitions = partitions

    def publish(self, records: Sequence[Record]) -> list[str]:
        return receipts_of(self.publish_each(records))

    def publish_each(self, records: Sequence[Record]) -> list[Outcome]:
        self.check()
        outcomes: list[Outcome] = []
        for record in records:
            try:
                outcomes.append(self._append(record))
            except Refused as error:
                outcomes.append(error)
        return outcomes

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        self.check()
        for topic in self.missing.intersection(topics):
            raise TopicRefused(topic, "UNKNOWN_TOPIC_OR_PARTITION")
        return dict.fromkeys(topics, self._partitions)

    def check(self) -> None:
        if self.away:
            raise Unavailable("the memory publisher was told to be away")

    def close(self) -> None:
        """Nothing is open."""

    def _append(self, record: Record) -> str:
        check_record(record)
        if record.topic in self.missing:
            raise TopicRefused(record.topic, "UNKNOWN_TOPIC_OR_PARTITION")
        if len(record.value or b"") > self.limits.get(record.topic, MAX_REQUEST_BYTES):
            raise RecordTooLarge(record.topic, "MESSAGE_TOO_LARGE")
        by_key = zlib.crc32(record.key or b"") % self._partitions
        partition = by_key if record.partition is None else record.partition
        offset = sum((m.topic, m.partition) == (record.topic, partition) for m in self.log)
        headers = tuple(headers_of(record))
        self.log.append(Message(record.topic, partition, offset, record.key, record.value, headers))
        return self.log[-1].receipt


class MemoryClient:
    """`shop_core.kafka.producer_port.Client` in memory: `answer` says what becomes of a record. A receipt or an
    error is told, an exception in `raises` comes out of `send`, and None leaves the record in flight until
    `abandon`."""

    def __init__(self, answer: Callable[[Record], str | ShopError | None], raises: BaseException | None = None) -> None:
        self.answer = answer
        self.raises = raises
        self.abandoned = False
        self._silent: list[tuple[Acked, Failed]] = []

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        if self.raises is not None:
            raise self.raises
        outcome = self.answer(record)
        if outcome is None:
            self._silent.append((acked, failed))
        elif isinstance(outcome, str):
            acked(outcome)
        else:
            failed(outcome)

    def partitions(self, topics: Sequence[str], timeout: float) -> dict[str, int]:
        return dict.fromkeys(topics, 12)

    def close(self, timeout: float) -> None:
        """Nothing is open."""

    def ack(self, receipt: str) -> None:
        """The ack of the last record in flight comes after all."""
        self._silent.pop()[0](receipt)

    def abandon(self) -> None:
        self.abandoned = True
        for _, failed in self._silent:
            failed(NoAck("abandoned"))


class MemoryCatalog:
    """`cm_api.domains.catalog.store.CatalogStore` in memory, as far as a projection needs it."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, dict[str, Any]]] = {"products": {}, "reviews": {}, "catalog_applied": {}}

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        known = self.documents["catalog_applied"]
        return {id: known[id]["digest"] for id in ids if id in known}

    def load(
        self, products: Sequence[str], reviews: Sequence[str], owners: Sequence[str], users: Sequence[str] = ()
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        every = self.documents["reviews"].values()
        said = [d for d in every if d["_id"] in reviews or d["owner"] in owners or d["userid"] in users]
        wanted = {*products, *(doc["productid"] for doc in said if doc["userid"] in users)}
        found = [doc for id, doc in self.documents["products"].items() if id in wanted]
        return [_without(doc, "description") for doc in found], [_without(doc, "text") for doc in said]

    def write(self, applied: Mapping[str, str], products: Any, reviews: Any, cleared: Sequence[str]) -> None:
        self._insert("catalog_applied", [{"_id": id, "digest": digest} for id, digest in applied.items()])
        kept = self.documents["reviews"]
        self.documents["reviews"] = {id: doc for id, doc in kept.items() if doc["productid"] not in cleared}
        for name, changes in (("products", products), ("reviews", reviews)):
            for id in changes.gone:
                del self.documents[name][id]
            self._insert(name, changes.new)
            for id, update in changes.updates.items():
                self._update(self.documents[name][id], update)
        owners = [doc["owner"] for doc in self.documents["reviews"].values()]
        assert len(owners) == len(set(owners)), "two reviews of one product by one user"  # for tests  # nosec B101

    def every(self, collection: str, fields: Any = None) -> list[dict[str, Any]]:
        return [doc for _, doc in sorted(self.documents[collection].items())]

    def _insert(self, name: str, docs: Sequence[dict[str, Any]]) -> None:
        for doc in docs:
            assert doc["_id"] not in self.documents[name], f"{name} has {doc['_id']} already"  # for tests  # nosec B101
            self.documents[name][doc["_id"]] = copy.deepcopy(doc)

    def _update(self, doc: dict[str, Any], update: Mapping[str, Mapping[str, Any]]) -> None:
        doc |= copy.deepcopy(dict(update.get("$set", {})))
        for path, change in update.get("$inc", {}).items():
            *way, last = path.split(".")
            inner = doc
            for step in way:
                inner = inner[step]
            inner[last] += change


class MemoryCampaigns:
    """What a live set is taken from: things by id, how far the consumer is, a clock, and how often it was asked."""

    FIRST = datetime(2028, 2, 28, 23, 59, 0, tzinfo=UTC)

    def __init__(self) -> None:
        self.now = self.FIRST
        self.docs: dict[str, dict[str, Any]] = {}
        self.applied = 0
        self.asked: Counter[str] = Counter()

    def put(self, id: str, start: float, end: float) -> None:
        """From `start` to `end`, in seconds after the first moment."""
        at = [self.FIRST + timedelta(seconds=seconds) for seconds in (start, end)]
        self.docs[id] = {"_id": id, "name": id, "startDate": at[0], "endDate": at[1]}
        self.applied += 1

    def window(self, kind: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        self.asked["window"] += 1
        return [doc for doc in self.docs.values() if doc["endDate"] > start and doc["startDate"] < end]

    def next_start(self, kind: str, start: datetime) -> datetime | None:
        return min((doc["startDate"] for doc in self.docs.values() if doc["startDate"] >= start), default=None)


def _without(doc: dict[str, Any], field: str) -> dict[str, Any]:
    return copy.deepcopy({name: value for name, value in doc.items() if name != field})
