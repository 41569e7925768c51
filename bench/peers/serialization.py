"""What Avro or Protobuf would save against JSON: bytes of a record as it lies in the log, and microseconds to read it.

The same 2,000 events of three domains in each, with the headers that they have, in batches as a producer makes them.
A schema registry's five bytes before an Avro or Protobuf value are counted. Fields of a fixed form are given their
smallest type: a moment is a long, an id sixteen bytes, a price a long of cents.
"""

from __future__ import annotations

import io
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import fastavro
import msgspec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from shop_core.events import analytics, catalog, purchases
from shop_core.events.envelope import Record, encode
from shop_core.events.instants import Instant, from_json
from shop_core.identifiers import uuid7

EVENTS, BATCH, PRODUCTS, USERS, TURNS = 2000, 100, 5000, 100_000, 5
REGISTRY = b"\x00\x00\x00\x00\x07"
CODECS = {"none": 0, "gzip": 1, "zstd": 4}
START = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
OPINION = "a lamp of brass that looks better than it works but my children love it and it came in time"
WORDS = OPINION.split()
# Of Protobuf's field types, and Avro's names for them.
TEXT, BYTES, WHOLE = (9, "string"), (12, "bytes"), (3, "long")


@dataclass(frozen=True)
class Kind:
    """Events of one type: our records, and their fields in a binary form with the type of each."""

    name: str
    records: list[Record]
    fields: dict[str, tuple[int, str]]
    values: list[dict[str, Any]]
    struct: type[msgspec.Struct]


def kinds(chance: random.Random) -> list[Kind]:
    products = [uuid7() for _ in range(PRODUCTS)]
    return [_purchases(chance, products), _reviews(chance, products), _interactions(chance)]


def _user(chance: random.Random) -> str:
    return f"u-{chance.randrange(USERS)}"


def _moment(number: int) -> datetime:
    return START + timedelta(milliseconds=37 * number)


def _milliseconds(number: int) -> int:
    return int(_moment(number).timestamp() * 1000)


def _purchases(chance: random.Random, products: list[uuid.UUID]) -> Kind:
    records, values = [], []
    for number in range(EVENTS):
        user, cents, product = _user(chance), chance.randrange(100_000), chance.choice(products)
        at = Instant.of(_moment(number))
        data = purchases.PurchaseMade(f"user {user}", user, f"{cents / 100:.2f}", at, str(product))
        made = encode(purchases.DOMAIN, purchases.PURCHASE_MADE, data, key=user, id=str(uuid7()), time=_moment(number))
        records.append(made)
        sent = {"username": f"user {user}", "userid": user, "price": cents, "timestamp": _milliseconds(number)}
        values.append(sent | {"productid": product.bytes})
    fields = {"username": TEXT, "userid": TEXT, "price": WHOLE, "timestamp": WHOLE, "productid": BYTES}
    return Kind("a purchase", records, fields, values, purchases.PurchaseMade)


def _reviews(chance: random.Random, products: list[uuid.UUID]) -> Kind:
    records, values = [], []
    for number in range(EVENTS):
        user, product, review = _user(chance), chance.choice(products), uuid7()
        text, rating = " ".join(chance.choices(WORDS, k=30)), chance.randint(1, 5)
        at = Instant.of(_moment(number))
        data = catalog.ReviewAdded(str(product), str(review), user, rating, at, text, display_name=user)
        made = encode(
            catalog.DOMAIN, catalog.REVIEW_ADDED, data, key=str(product), id=str(review), time=_moment(number)
        )
        records.append(made)
        ids = {"productid": product.bytes, "reviewid": review.bytes, "userid": user}
        values.append(ids | {"rating": rating, "timestamp": _milliseconds(number), "text": text, "displayName": user})
    ids = {"productid": BYTES, "reviewid": BYTES, "userid": TEXT}
    fields = ids | {"rating": WHOLE, "timestamp": WHOLE, "text": TEXT, "displayName": TEXT}
    return Kind("a review of 30 words", records, fields, values, catalog.ReviewAdded)


def _interactions(chance: random.Random) -> Kind:
    records, values = [], []
    for number in range(EVENTS):
        user, kind = _user(chance), chance.choice(("click", "impression"))
        data = analytics.InteractionRecorded(user, kind, _milliseconds(number))
        type_ = analytics.INTERACTION_RECORDED
        records.append(encode(analytics.DOMAIN, type_, data, key=user, id=str(uuid7()), time=_moment(number)))
        values.append({"user": user, "kind": kind, "timestamp": _milliseconds(number)})
    fields = {"user": TEXT, "kind": TEXT, "timestamp": WHOLE}
    return Kind("an interaction", records, fields, values, analytics.InteractionRecorded)


def avro(kind: Kind) -> tuple[list[bytes], Callable[[bytes], Any]]:
    shape = [{"name": name, "type": type_[1]} for name, type_ in kind.fields.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "Data", "fields": shape})

    def written(value: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, value)
        return REGISTRY + out.getvalue()

    def read(raw: bytes) -> Any:
        return fastavro.schemaless_reader(io.BytesIO(raw[len(REGISTRY) :]), schema, None)

    return [written(value) for value in kind.values], read


def protobuf(kind: Kind) -> tuple[list[bytes], Callable[[bytes], Any]]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{kind.name}.proto", syntax="proto3")
    message = file.message_type.add(name="Data")
    for number, (name, type_) in enumerate(kind.fields.items(), 1):
        message.field.add(name=name, number=number, type=type_[0], label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("Data"))
    names = list(kind.fields)

    def read(raw: bytes) -> Any:
        """Its fields as Python's own values, as a domain's rules need them."""
        found = made.FromString(raw[len(REGISTRY) :])
        return [getattr(found, name) for name in names]

    return [REGISTRY + made(**value).SerializeToString() for value in kind.values], read


def json(kind: Kind) -> tuple[list[bytes], Callable[[bytes], Any]]:
    """As consumers read it, but for their rules, which any form would need."""
    decoder = msgspec.json.Decoder(kind.struct, dec_hook=from_json)
    return [record.value or b"" for record in kind.records], decoder.decode


def logged(records: list[Record], values: list[bytes], codec: int) -> float:
    """Bytes of a record in a log of batches with that codec."""
    total = 0
    for start in range(0, len(records), BATCH):
        batch = DefaultRecordBatchBuilder(
            magic=2, compression_type=codec, is_transactional=0,
            producer_id=7, producer_epoch=0, base_sequence=start, batch_size=1 << 24,
        )  # fmt: skip
        for offset, (record, value) in enumerate(zip(records[start:], values[start:], strict=True)):
            if offset == BATCH:
                break
            batch.append(offset, 1795253400000 + offset, record.key, value, list(record.headers))
        total += len(batch.build())
    return total / len(records)


def microseconds(values: list[bytes], read: Callable[[bytes], Any]) -> float:
    """To read one, the best of some turns."""
    best = float("inf")
    for _ in range(TURNS):
        started = time.process_time()
        for value in values:
            read(value)
        best = min(best, time.process_time() - started)
    return best / len(values) * 1e6


def main() -> None:
    print("| event | | value, bytes |", *(f"in the log, {codec} |" for codec in CODECS), "µs to read |")
    print("|---" * (len(CODECS) + 4) + "|")
    for kind in kinds(random.Random(1)):
        for name, encoded in (("JSON", json), ("Avro", avro), ("Protobuf", protobuf)):
            values, read = encoded(kind)
            alone = sum(map(len, values)) / len(values)
            sizes = [f"{logged(kind.records, values, codec):.0f} |" for codec in CODECS.values()]
            print(f"| {kind.name} | {name} | {alone:.0f} |", *sizes, f"{microseconds(values, read):.2f} |")


if __name__ == "__main__":
    main()
