"""(b) The real consumer draining a topic into the database, against a raw loop of fetch + insert_many and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from memory import resident
from pymongo import MongoClient, WriteConcern

from shop_core.events.envelope import encode
from shop_core.events.instants import Instant
from shop_core.events.purchases import DOMAIN, PURCHASE_MADE, PurchaseMade
from shop_core.identifiers import uuid7

USERS = 1000


def measure(state: dict[str, Any], events: int) -> dict[str, Any]:
    """Events a second of both, over the same events of the same topic into the same database server."""
    addresses = {process["name"]: process["address"] for process in state["processes"]}
    bootstrap, mongodb = addresses["kafka"], f"mongodb://{addresses['database']}"
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb)
    fill(bootstrap, events)
    before = depth(bootstrap)
    raw = raw_loop(bootstrap, client, before)
    consumer, memory = drain(bootstrap, mongodb, client, before)
    return {
        "events": before,
        "raw/s": before / raw,
        "consumer/s": before / consumer,
        "ratio": raw / consumer,
        "resident MiB": memory,
    }


def fill(bootstrap: str, events: int) -> None:
    """Put `events` purchases of a thousand users into the topic."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20, compression_type="lz4")
    now = datetime.now(UTC)
    for number in range(events):
        user = f"bench-{number % USERS}"
        data = PurchaseMade(user, user, "19.90", Instant.of(now))
        record = encode(DOMAIN, PURCHASE_MADE, data, key=user, id=str(uuid7()), time=now)
        producer.send(record.topic, key=record.key, value=record.value, headers=list(record.headers))
    producer.close()


def depth(bootstrap: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partitions = [TopicPartition(DOMAIN.topic, p) for p in consumer.partitions_for_topic(DOMAIN.topic)]
    total = sum(consumer.end_offsets(partitions).values())
    consumer.close()
    return int(total)


def raw_loop(bootstrap: str, client: MongoClient[dict[str, Any]], events: int) -> float:
    """Seconds to fetch, decode the JSON and insert, with the same batches and write concern, and nothing else."""
    collection = client.bench_raw.get_collection("purchases", write_concern=WriteConcern("majority", j=True))
    for field in ("username", "userid"):
        collection.create_index([(field, 1), ("order", 1)])
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=2000)
    partitions = [TopicPartition(DOMAIN.topic, p) for p in consumer.partitions_for_topic(DOMAIN.topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    seen, started = 0, time.perf_counter()
    while seen < events:
        batch = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
        docs = [
            {"_id": record.headers[0][1].decode(), "order": record.offset, **msgspec.json.decode(record.value)}
            for record in batch
        ]
        if docs:
            collection.insert_many(docs)
        seen += len(docs)
    seconds = time.perf_counter() - started
    consumer.close()
    return seconds


def drain(
    bootstrap: str, mongodb: str, client: MongoClient[dict[str, Any]], events: int, domain: str = "purchases",
    before: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """Seconds from the first stored event after `before` to `events` of them in all, and peak memory (MiB): own
    database, alone in its group."""
    database = f"bench_{domain}"
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "MONGODB_URI": mongodb,
        "MONGODB_DATABASE": database,
        "HEALTH_PORT": "8490",
    }
    subprocess.run([sys.executable, "-m", "cm_api.indexes"], env=environment, check=True)
    command = [str(Path(sys.executable).parent / "cm-api-consumer"), "--domain", domain]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as consumer:
        positions = client[database].positions

        def total() -> int:
            return sum(doc["offset"] for doc in positions.find({}))

        while (first := total()) <= before:
            time.sleep(0.02)
        started, memory = time.perf_counter(), 0.0
        while (now := total()) < events:
            time.sleep(0.02)
            memory = max(memory, resident(consumer.pid))
        seconds = time.perf_counter() - started
        consumer.terminate()
    return seconds * (events - before) / max(1, now - first), memory
