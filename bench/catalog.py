"""(g) Cached product reads against uncached ones, by load and as one client sees them; (h) review events a second
against purchases; (i) events of one hot product against events spread over many."""

from __future__ import annotations

import http.client
import random
import re
import shutil
import statistics
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import drain
import load
from pymongo import MongoClient
from servers import HOST, serving

from shop_core.events import catalog
from shop_core.events.envelope import encode
from shop_core.events.instants import Instant
from shop_core.identifiers import uuid7
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.publisher import KafkaPublisher

# A process keeps what it read for a second: as many products as no second has reads are never found there.
MANY, FEW = 2_000, 20
SPREAD = 200  # the products that are reviewed, and read by one client
READS = 2_000
HIT_RATE = re.compile(r'shop_cache_total\{cache="(\w+)",outcome="(\w+)"\} ([\d.e+]+)')


def measure(state: dict[str, Any], events: int, seconds: float, purchases: float) -> dict[str, Any]:
    """`purchases` is the rate at which the same consumer drained purchases in this run."""
    addresses = {process["name"]: process["address"] for process in state["processes"]}
    bootstrap, mongodb = addresses["kafka"], f"mongodb://{addresses['database']}"
    kafka = KafkaConnection(bootstrap)
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb)
    products = [f"product-{number}" for number in range(MANY)]
    publish(kafka, [catalog.ProductCreated(id, f"Thing {id}", "19.90", "Glows. " * 30) for id in products])
    drain.drain(bootstrap, mongodb, client, MANY, "catalog")
    rates, done = {}, MANY
    for name, chosen in (("spread", products[:SPREAD]), ("hot", products[:1])):
        publish(kafka, [review(f"{name}-{number}", chosen[number % len(chosen)]) for number in range(events)])
        took, _ = drain.drain(bootstrap, mongodb, client, done + events, "catalog", done)
        rates[f"{name} reviews/s"], done = events / took, done + events
    environment = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "MONGODB_URI": mongodb, "MONGODB_DATABASE": "bench_catalog"}
    return {
        **rates,
        "reviews/purchases": rates["spread reviews/s"] / purchases,
        "hot/spread": rates["hot reviews/s"] / rates["spread reviews/s"],
        **reads(products, seconds, environment),
    }


def review(name: str, product: str) -> catalog.ReviewAdded:
    stars = len(name) % 5 + 1
    at = Instant.of(datetime.now(UTC))
    return catalog.ReviewAdded(product, f"r-{name}", f"u-{name}", stars, at, "Fine.", display_name="Ada")


def publish(kafka: KafkaConnection, facts: list[Any]) -> None:
    publisher = KafkaPublisher(kafka)
    publisher.connected(10)
    types = {struct: type_ for type_, struct in catalog.DOMAIN.events.items()}
    now = datetime.now(UTC)
    records = [
        encode(catalog.DOMAIN, types[type(data)], data, key=data.productid, id=str(uuid7()), time=now) for data in facts
    ]
    for start in range(0, len(records), 1000):
        publisher.publish(records[start : start + 1000])
    publisher.close()


def reads(products: list[str], seconds: float, environment: dict[str, str]) -> dict[str, Any]:
    """Straight from cm-api, each load twice in turn, the better of each."""
    with ExitStack() as stack:
        servers = {"memory": stack.enter_context(cm_api(8432, environment))}
        if shutil.which("redis-server"):
            redis = ["redis-server", "--port", "8434", "--bind", HOST, "--save", ""]
            url = f"redis://{stack.enter_context(serving(redis, 8434))}/0"
            servers["shared"] = stack.enter_context(cm_api(8433, environment | {"CACHE_URL": url}))
        loads = {"uncached": (servers["memory"], products), **{n: (s, products[:FEW]) for n, s in servers.items()}}
        rates = dict.fromkeys(loads, 0.0)
        for name in (*loads, *loads):
            address, chosen = loads[name]
            done = load.closed_loop(f"http://{address}", 32, seconds, partial(request, chosen))
            if done.bad:
                raise RuntimeError(f"{done.bad} reads failed")
            rates[name] = max(rates[name], done.rate)
        result: dict[str, Any] = {f"{name} reads/s": rate for name, rate in rates.items()}
        result |= {f"{name}/uncached": rates[name] / rates["uncached"] for name in servers}
        return result | {
            f"{name} as one client": latency(address, name, products[:SPREAD]) for name, address in servers.items()
        }


def cm_api(port: int, environment: dict[str, str]) -> AbstractContextManager[str]:
    command = [sys.executable, "-m", "cm_api"]
    return serving(command, port, **environment, HTTP_PORT=str(port), LOG_LEVEL="ERROR")


def request(products: list[str], url: str, number: int) -> bytes:
    product = products[number % len(products)]
    return f"GET /v1/products/{product} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAccept: */*\r\n\r\n".encode()


def latency(address: str, cache: str, products: list[str]) -> dict[str, float]:
    """Milliseconds of reads one after the other, of products of which few are popular, and how many were hits; each
    product was read once before, as a consumer with the shared cache would have put it there."""
    connection = http.client.HTTPConnection(address)
    chance = random.Random(1)

    def read(product: str) -> float:
        started = time.perf_counter()
        connection.request("GET", f"/v1/products/{product}")
        connection.getresponse().read()
        return (time.perf_counter() - started) * 1000

    for product in products:
        read(product)
    before = outcomes(address, cache)
    times = [read(products[int(len(products) * chance.random() ** 3)]) for _ in range(READS)]
    hits, misses = (now - then for now, then in zip(outcomes(address, cache), before, strict=True))
    connection.close()
    cuts = statistics.quantiles(times, n=20)
    return {"hit rate": hits / (hits + misses), "median ms": statistics.median(times), "95 % ms": cuts[18]}


def outcomes(address: str, cache: str) -> tuple[float, float]:
    """How many reads the cache had, and had not."""
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = {(kind, outcome): float(value) for kind, outcome, value in HIT_RATE.findall(text)}
    return found.get((cache, "hit"), 0.0), found.get((cache, "miss"), 0.0)
