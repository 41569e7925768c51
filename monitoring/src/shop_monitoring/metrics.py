"""What each metric means. Names, kinds and labels come from the services' own registries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

from shop_core.telemetry import metrics as services
from shop_operator import metrics as operator

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
SERVICES: Mapping[str, str] = {
    "shop_http_request_duration_seconds": "rate, errors and duration of requests",
    "shop_produce_total": "events acked, failed (no ack: 503), refused (not sent, topic `-`: 503), rejected "
    "(`record_refused`)",
    "shop_produce_ack_seconds": "time from send to ack",
    "shop_produce_in_flight": "sent and not acked; near `KAFKA_MAX_IN_FLIGHT` commands are rejected",
    "shop_consumer_lag_events": "committed events after the stored position, measured every 5 s",
    "shop_consumer_lag_seconds": "age of the oldest committed event that is not stored; 0 without lag, and where it "
    "came after the look before",
    "shop_consumer_batch_events": "size of a batch",
    "shop_consumer_batch_seconds": "duration of a batch: decode, apply, commit",
    "shop_consumer_events_total": "events applied, duplicate, rejected",
    "shop_late_events_total": "applied events that changed the past: analytics of an hour that was over",
    "shop_event_delay_seconds": "time from accepted to stored",
    "shop_consumer_outages_total": "batches rewound because of an outage",
    "shop_consumer_conflicts_total": "transactions that lost against another one; retried at once",
    "shop_consumer_set_aside_total": "events set aside: permanent (database error), fault (bug)",
    "shop_consumer_unreadable_partitions": "1 while a partition cannot be read",
    "shop_consumer_dead_letters_waiting": "dead letters that the DLQ did not take",
    "shop_consumer_position_moved_total": "batches dropped because the stored position was another one",
    "shop_consumer_gap_events_total": "events deleted before they were read",
    "shop_derived_events_total": "derived events sent for other services (`shop.ratings`)",
    "shop_events_unaccounted": "cm-ops: accepted events of which the offsets do not tell what became "
    "([what the line says](../how-to/watch.md#the-line))",
    "shop_dead_letters_handled_total": "cm-ops: dead letters that operators sent again or put aside: stored, rejected, "
    "accepted (not known yet), not sent, discarded",
    "shop_events_followed_total": "cm-ops: events that operators asked for by `/v1/ops/trace`: found, not found, "
    "failed",
    "shop_ops_looks_total": "looks of cm-ops at Kafka and MongoDB: answered, failed",
    "shop_cache_total": "cm-api's reads. Caches: memory, live (campaigns), hours (analytics), shared (`CACHE_URL`). "
    "Outcomes: "
    "hit, miss; of shared also bypass (a read that must be the newest) and error (unavailable or invalid: the "
    "database answered)",
    "shop_callers_total": "requests whose caller was accepted, unknown (401), forbidden (403)",
    "shop_waits_total": "requests that asked to wait for a receipt: `held`, or answered `at once` because too many "
    "waited "
    "([why](../decisions/0050-the-door-holds-no-thread-for-waiting.md))",
    "shop_receipt_listeners": "clients that listen to a receipt by Server-Sent Events now "
    "([how](../concepts/receipts.md#hear-of-it))",
    "shop_receipt_streams_total": "their streams by how they ended: `settled`, `expired` after a minute, `left` by the "
    "client, `unanswered` by cm-api; or `refused`, for want of a place",
    "shop_circuit_state": "whether cm-server asks cm-api, and cm-ops: 0 yes (closed), 1 one request probes it "
    "(half-open), "
    "2 no (open); the highest of its workers",
    "shop_limited_total": "requests answered 429",
    "shop_limit_store_errors_total": "failed calls to the shared store of limits",
    "shop_users_erased_total": "erasures applied, once per domain (counted at the copy in partition 0)",
    "shop_build_info": "1; `version` is the release that the process runs",
    "shop_mongodb_pool_connections": "MongoDB connections in use",
}
OPERATOR: Mapping[str, str] = {
    "shop_operator_leader": "1 at the leader",
    "shop_operator_reconcile_seconds": "number, duration and failures of reconciliations; kinds `Campaigns` and "
    "`Dependencies` "
    "are requests to a Shop's services, outcome `away` is a Kafka that is unavailable",
    "shop_operator_reconcile_oldest_seconds": "age of the longest running reconciliation or request; above 300 s "
    "liveness fails "
    "and the operator is restarted",
    "shop_operator_namespace_unseen": "1 while a watched namespace is missing or forbidden",
    "shop_operator_repairs_total": "objects repaired",
    "shop_operator_topics_made_total": "topics created",
    "shop_operator_events_failed_total": "Kubernetes Events that could not be written",
    "shop_operator_consumer_lag_events": "lag per ShopConsumer",
    "shop_operator_consumer_delay_seconds": "age of the oldest event that is not stored, per ShopConsumer",
    "shop_operator_consumer_replicas": "current pods",
    "shop_operator_consumer_replicas_wanted": "pods that the rule asks for",
    "shop_operator_certificate_expires_seconds": "time left of the certificates that a Shop names (Kafka, MongoDB, "
    "ingress), "
    "checked each minute",
    "shop_operator_warm_up": "1 while a Shop's consumers are warmed up for a campaign",
    "shop_operator_campaigns_asked_total": "requests to cm-api for campaigns",
    "shop_operator_condition": "1 where [it](operator.md#conditions) is True",
}
NOWHERE: tuple[str, ...] = ()
"""Metrics that need neither a panel nor an alert."""


@dataclass(frozen=True)
class Metric:
    """As its service declares it. `name` is the one that pages say; `samples` are those that expressions may say."""

    name: str
    kind: str
    labels: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        stem = self.name.removesuffix("_total")
        return tuple(f"{stem}{suffix}" for suffix in SUFFIXES[self.kind])


def declared(module: ModuleType) -> Iterator[Metric]:
    """The metrics of a service's module, in its order."""
    for value in vars(module).values():
        if isinstance(value, MetricWrapperBase):
            [about] = value.describe()
            name = about.name + ("_total" if about.type == "counter" else "")
            yield Metric(name, about.type, tuple(value._labelnames))


def every() -> dict[str, Metric]:
    """All metrics by each name that an expression may use."""
    known = (metric for module in (services, operator) for metric in declared(module))
    return {sample: metric for metric in known for sample in metric.samples}


def rows(module: ModuleType, meanings: Mapping[str, str]) -> Iterator[str]:
    """The table's rows; a `KeyError` names a metric that nobody has explained."""
    for metric in declared(module):
        yield f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {meanings[metric.name]} |"
