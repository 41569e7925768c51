"""Every metric's name, in one place, so that dashboards and alerts have one page to read.

Labels are bounded: routes, methods, status classes, topics, never a user or an id.
"""

from __future__ import annotations

import functools
import os
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

# Else each counter and histogram has a second series, when it was made, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

HTTP_SECONDS = Histogram(
    "shop_http_request_duration_seconds",
    "HTTP requests by route, method and status",
    ["route", "method", "status"],
    buckets=FAST,
)
PRODUCE_ACKS = Counter(
    "shop_produce_total",
    "Events sent to Kafka by topic and outcome (acked, failed, refused, rejected)",
    ["topic", "outcome"],
)
PRODUCE_SECONDS = Histogram("shop_produce_ack_seconds", "From send to the broker's ack", ["topic"], buckets=FAST)
IN_FLIGHT = Gauge("shop_produce_in_flight", "Events sent and not yet acked", multiprocess_mode="livesum")
BATCH_EVENTS = Histogram(
    "shop_consumer_batch_events",
    "Events in one applied batch",
    ["domain"],
    buckets=(1, 10, 100, 500, 1000, 2000, 5000),
)
BATCH_SECONDS = Histogram("shop_consumer_batch_seconds", "One batch: decode, apply, commit", ["domain"], buckets=SLOW)
APPLIED = Counter(
    "shop_consumer_events_total", "Events by outcome (applied, duplicate, rejected)", ["domain", "outcome"]
)
SET_ASIDE = Counter(
    "shop_consumer_set_aside_total",
    "Events set aside by no fault of their own, by class (permanent: the database's, fault: the program's): an alert",
    ["domain", "class"],
)
CONFLICTS = Counter("shop_consumer_conflicts_total", "Transactions that another came before, tried again", ["domain"])
UNREADABLE = Gauge(
    "shop_consumer_unreadable_partitions",
    "1 where a partition can't be read on from its position: an alert",
    ["topic", "partition"],
)
DEAD_LETTERS_WAITING = Gauge(
    "shop_consumer_dead_letters_waiting", "Dead letters that the DLQ did not take and that are tried again", ["domain"]
)
LATE = Counter("shop_late_events_total", "Applied events that came after their time and changed a past one", ["domain"])
OUTAGES = Counter("shop_consumer_outages_total", "Batches put back because a dependency was away", ["domain"])
MOVED = Counter(
    "shop_consumer_position_moved_total",
    "Batches dropped because the database knew another position",
    ["domain"],
)
GAPS = Counter(
    "shop_consumer_gap_events_total",
    "Events that left the log before they were read: an alert",
    ["topic", "partition"],
)
LAG = Gauge("shop_consumer_lag_events", "Events in the log after the position", ["topic", "partition"])
LAG_SECONDS = Gauge("shop_consumer_lag_seconds", "Age of the oldest event after the position", ["topic", "partition"])
DELAY = Histogram(
    "shop_event_delay_seconds",
    "From accepted at the door to stored in the read model",
    ["domain"],
    buckets=SLOW,
)
DERIVED = Counter("shop_derived_events_total", "Derived events sent to other services", ["domain"])
UNACCOUNTED = Gauge(
    "shop_events_unaccounted",
    "Accepted events of which the offsets do not tell what became, as cm-ops sees it: other than 0 is an alert",
    ["domain"],
    multiprocess_mode="livemostrecent",
)
LETTERS_HANDLED = Counter(
    "shop_dead_letters_handled_total",
    "Dead letters that operators had cm-ops send again or put aside (stored, rejected, accepted, not sent, discarded)",
    ["outcome"],
)
FOLLOWED = Counter(
    "shop_events_followed_total", "Events that operators asked cm-ops for (found, not found, failed)", ["outcome"]
)
LOOKS = Counter("shop_ops_looks_total", "Looks of cm-ops at Kafka and MongoDB (answered, failed)", ["outcome"])
CACHE = Counter(
    "shop_cache_total",
    "Reads by cache (memory, shared) and outcome (hit, miss, bypass, error)",
    ["cache", "outcome"],
)
WAITS = Counter("shop_waits_total", "Requests that asked to wait for a receipt (held, at once)", ["outcome"])
STREAMS = Counter(
    "shop_receipt_streams_total",
    "Streams of receipts by how they ended (settled, expired, left, unanswered), or that had no place (refused)",
    ["outcome"],
)
LISTENERS = Gauge("shop_receipt_listeners", "Clients that listen to a receipt", multiprocess_mode="livesum")
CIRCUIT = Gauge(
    "shop_circuit_state",
    "Whether a dependency is asked: 0 closed, 1 half-open, 2 open (not asked); of the workers the highest",
    ["dependency"],
    multiprocess_mode="livemax",
)
CALLERS = Counter("shop_callers_total", "Requests by what their caller is (accepted, unknown, forbidden)", ["outcome"])
LIMITED = Counter("shop_limited_total", "Requests answered 429, by route", ["route"])
LIMIT_STORE_ERRORS = Counter("shop_limit_store_errors_total", "Times that the shared store of limits did not answer")
ERASED = Counter("shop_users_erased_total", "Erasures of users that a consumer applied")
BUILD = Gauge("shop_build_info", "1, by the release that runs", ["version"], multiprocess_mode="max")
BUILD.labels(version("shop-core")).set(1)
POOL = Gauge("shop_mongodb_pool_connections", "Connections in use to MongoDB", multiprocess_mode="livesum")


def consumer_begins(domain: str) -> None:
    """Let a consumer's counters begin at 0: of one that begins with its first event, no rate shows that event."""
    for counter in (CONFLICTS, LATE, OUTAGES, MOVED):
        counter.labels(domain)
    for outcome in ("applied", "duplicate", "rejected"):
        APPLIED.labels(domain, outcome)
    for kind in ("permanent", "fault"):
        SET_ASIDE.labels(domain, kind)


@functools.cache
def http_seconds(route: str, method: str, status: int) -> Histogram:
    """HTTP_SECONDS of these labels; finding it anew for each request would take longer than counting."""
    return HTTP_SECONDS.labels(route, method, status)


def render() -> bytes:
    """The text exposition, over every gunicorn worker where PROMETHEUS_MULTIPROC_DIR is set."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()
