"""Alerts about the way in and the way out: what callers meet."""

from __future__ import annotations

from shop_monitoring.alert import Alert
from shop_monitoring.look import READY, log

DOOR = (
    Alert(
        "ShopServerErrors",
        "critical",
        'sum by (namespace) (rate(shop_http_request_duration_seconds_count{status=~"5.."}[5m]))'
        " / sum by (namespace) (rate(shop_http_request_duration_seconds_count[5m])) > 0.05",
        "5m",
        "{{ $value | humanizePercentage }} of the requests are answered 5xx",
        "More than one request in twenty fails by no fault of the caller.",
        (READY, log("cm-server", "dependency_away", "record_refused", "unexpected_error")),
        (
            "503 with `Retry-After`: repair the dependency that `/readyz` names. Clients may send again with the same "
            "Idempotency-Key.",
            "503 without it: [ShopEventsNotTaken](ShopEventsNotTaken.md). 500: a bug, report it.",
        ),
    ),
    Alert(
        "ShopEventsNotTaken",
        "critical",
        'sum by (namespace, topic, outcome) (rate(shop_produce_total{outcome!="acked"}[5m])) > 0',
        "2m",
        "Kafka does not take events ({{ $labels.outcome }})",
        "Commands are answered 503. `failed`: no ack in time; `refused`: not sent, since too many are in flight "
        "(topic `-`); "
        "`rejected`: Kafka refuses the record for good.",
        (READY, log("cm-server", "record_refused", "kafka_link_dropped")),
        (
            "`failed`, `refused`: repair Kafka; are as many copies in step as `minInsyncReplicas` asks for?",
            "`rejected`: the log has Kafka's error; make the topic (`shopctl up`, the operator), or grant the right "
            "(`shopctl kafka acls`).",
        ),
    ),
    Alert(
        "ShopCircuitOpen",
        "warning",
        "max by (namespace, dependency) (shop_circuit_state) > 0",
        "1m",
        "cm-server does not ask {{ $labels.dependency }}",
        "It does not answer, or too slowly. Queries are answered 503 at once; commands work.",
        (READY, log("cm-server", "circuit_opened")),
        (
            "See its pods, its database and its load: [Fix a problem](../operations.md). cm-server probes it, and "
            "goes on by itself.",
        ),
    ),
    Alert(
        "ShopOpsBlind",
        "warning",
        'sum by (namespace) (increase(shop_ops_looks_total{outcome="failed"}[5m])) > 0'
        ' unless sum by (namespace) (increase(shop_ops_looks_total{outcome="answered"}[5m])) > 0',
        "5m",
        "cm-ops sees neither Kafka nor MongoDB",
        "The page `/ops` shows nothing new, and ShopEventsUnaccounted cannot tell. Who buys misses nothing.",
        (READY, log("cm-ops", "dependency_away", "look_failed")),
        (
            "Repair the dependency. In a cluster see `kubectl describe shop`, too: its user may lack a right "
            "([watch](../watch.md#in-a-cluster)).",
        ),
    ),
    Alert(
        "ShopLimitsNotShared",
        "warning",
        "sum by (namespace) (increase(shop_limit_store_errors_total[5m])) > 0",
        "5m",
        "The store of limits does not answer",
        "Each process counts alone, so callers may do more than the limits say.",
        (log("cm-server", "limits_not_shared"),),
        ("Start the Redis or Valkey that `LIMITS_URL` (`limits.url`) names, or open its port (`limits.port`).",),
    ),
)
