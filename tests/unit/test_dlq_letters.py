"""What is kept of a refused message: all of it where it fits, else cut, with the truth about what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import bson
from hypothesis import given
from hypothesis import strategies as st

from cm_api.batch_result import Refusal
from cm_api.pipeline.dead_letters import MOST_HEADERS, MOST_KEY, MOST_VALUE, to_records, to_rejection
from cm_api.pipeline.relay import Relay, Route
from shop_core.errors import RecordRefused, RecordTooLarge
from shop_core.events.envelope import Headers, Message, Record
from shop_core.events.purchases import DOMAIN

LARGEST_RECORD = 2 * 1024 * 1024
Raw = tuple[bytes | None, bytes | None, Headers]
MESSAGES = st.tuples(
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=50),
    st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=9)), max_size=5).map(tuple),
)


def rejected(key: bytes | None, value: bytes | None, headers: Headers, reason: str = "why") -> dict[str, Any]:
    message = Message(DOMAIN.topic, 3, 7, key, value, headers)
    return to_rejection(message, Refusal(message.receipt, reason))


def told(record: Record) -> dict[str, bytes | None]:
    return dict(record.headers)


def size_of(record: Record) -> int:
    parts = [record.key, record.value, *(value for _, value in record.headers)]
    return sum(len(part or b"") for part in parts) + sum(len(name) for name, _ in record.headers)


@given(MESSAGES, st.text())
def test_whatever_a_message_holds_it_becomes_a_document_and_a_record(raw: Raw, reason: str) -> None:
    doc = bson.decode(bson.encode(rejected(*raw, reason)))
    record = next(to_records(DOMAIN, doc))
    assert (record.key, record.value) == raw[:2]
    assert [value for _, value in record.headers[: len(raw[2])]] == [value for _, value in raw[2]]
    assert told(record)["dlq_class"] == b"rejected"
    assert "dlq_cut" not in told(record)
    assert (told(record)["dlq_reason"] or b"").decode() or not reason


def test_what_is_too_large_is_cut_and_described() -> None:
    value, key = b"v" * 3_000_000, b"k" * 200_000
    headers: Headers = (("ce_id", b"1"), ("x", b"h" * 400_000), ("y", None))
    doc = rejected(key, value, headers)
    assert len(bson.encode(doc)) < LARGEST_RECORD
    record = next(to_records(DOMAIN, doc))
    assert size_of(record) < LARGEST_RECORD
    assert (record.key, record.value) == (key[:MOST_KEY], value[:MOST_VALUE])
    found = told(record)
    assert found["dlq_cut"] == b"headers,key,value"
    assert found["dlq_value_length"] == b"3000000"
    assert found["dlq_value_sha256"] == hashlib.sha256(value).hexdigest().encode()
    assert found["dlq_key_sha256"] == hashlib.sha256(key).hexdigest().encode()
    assert int(found["dlq_headers_length"] or 0) > MOST_HEADERS
    assert found["ce_id"] == b"1"


class SmallTopic:
    """A topic that takes `most` bytes, and a collection of what waits; both as a sweep needs them."""

    def __init__(self, docs: Sequence[dict[str, Any]], most: int, refuses: bytes = b"") -> None:
        self.docs = {doc["_id"]: doc for doc in docs}
        self.most, self.refuses = most, refuses
        self.took: list[Record] = []

    def pending(self, topic: str, partitions: Any, but: Sequence[str] = ()) -> list[dict[str, Any]]:
        return [doc for id, doc in self.docs.items() if id not in but]

    def sent(self, ids: Sequence[str]) -> None:
        for id in ids:
            del self.docs[id]

    def connected(self, timeout: float) -> bool:
        return True

    def publish_each(self, records: Sequence[Record]) -> list[str | Exception]:
        return [self._publish(record) for record in records]

    def _publish(self, record: Record) -> str | Exception:
        if size_of(record) > self.most:
            return RecordTooLarge(record.topic, "too large")
        if self.refuses and self.refuses in (record.value or b""):
            return RecordRefused(record.topic, "a rule of its own")
        self.took.append(record)
        return "there"


def sweep_over(topic: SmallTopic) -> tuple[Relay, list[int]]:
    waiting: list[int] = []
    route = Route(DOMAIN.topic, "undeliverable", lambda doc: to_records(DOMAIN, doc), waits=waiting.append)
    connect: Any = lambda: topic  # noqa: E731
    relay = Relay(route, topic, connect)
    relay.own([3])
    return relay, waiting


def test_a_topic_that_takes_little_gets_as_much_as_fits() -> None:
    for most in (300_000, 20_000, 1_000):
        topic = SmallTopic([rejected(b"k", b"v" * 1_000_000, ())], most)
        sweep_over(topic)[0].deliver()
        assert topic.docs == {}
        assert told(topic.took[0])["dlq_cut"] == b"value"
        assert told(topic.took[0])["dlq_value_length"] == b"1000000"


def test_a_letter_that_is_refused_waits_alone() -> None:
    docs = [rejected(b"k", b"bad" if n in (0, 4) else b"good", ()) | {"_id": f"t-3-{n}"} for n in range(6)]
    topic = SmallTopic(docs, 10_000, refuses=b"bad")
    relay, waiting = sweep_over(topic)
    relay.deliver()
    assert (len(topic.took), list(topic.docs), waiting) == (4, ["t-3-0", "t-3-4"], [2])
    topic.docs["t-3-9"] = rejected(b"k", b"good", ()) | {"_id": "t-3-9"}
    relay.deliver()
    assert (len(topic.took), waiting) == (5, [2, 2])


def test_a_letter_that_cannot_be_made_a_record_waits_alone() -> None:
    broken = {"_id": "t-3-1", "raw": {"headers": None}}
    topic = SmallTopic([broken, rejected(b"k", b"good", ())], 10_000)
    relay, waiting = sweep_over(topic)
    relay.deliver()
    assert (len(topic.took), list(topic.docs), waiting) == (1, ["t-3-1"], [1])
