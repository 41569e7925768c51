"""Every metric of the operator. Labels are namespaces and names of resources, which are few."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# Else each counter and histogram has a second series, when it was made, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
LEADER = Gauge("shop_operator_leader", "1 while this process leads")
RECONCILE_SECONDS = Histogram(
    "shop_operator_reconcile_seconds",
    "One look at a resource by kind and outcome (ok, away, failed)",
    ["kind", "outcome"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
OLDEST = Gauge("shop_operator_reconcile_oldest_seconds", "Age of the look or question that has run longest")
REPAIRS = Counter("shop_operator_repairs_total", "Objects found changed or gone and put right", ["kind"])
TOPICS_MADE = Counter("shop_operator_topics_made_total", "Topics made because they were missing")
CAMPAIGNS_ASKED = Counter(
    "shop_operator_campaigns_asked_total", "Questions to a Shop's cm-api for its campaigns by outcome", ["outcome"]
)
EVENTS_FAILED = Counter("shop_operator_events_failed_total", "Events of Kubernetes that could not be written")
NAMESPACE_UNSEEN = Gauge(
    "shop_operator_namespace_unseen", "1 while a namespace that is to be watched cannot be", ["namespace"]
)
_CONSUMER = ["namespace", "name"]
LAG = Gauge("shop_operator_consumer_lag_events", "Lag of a ShopConsumer's group", _CONSUMER)
DELAY = Gauge(
    "shop_operator_consumer_delay_seconds", "Age of the oldest event that a ShopConsumer has not stored", _CONSUMER
)
REPLICAS = Gauge("shop_operator_consumer_replicas", "Pods of a ShopConsumer", _CONSUMER)
WANTED = Gauge("shop_operator_consumer_replicas_wanted", "Pods that the deciding rule asks for", _CONSUMER)
WARM = Gauge("shop_operator_warm_up", "1 while a Shop's consumers are warmed up for a campaign", _CONSUMER)
CONDITION = Gauge("shop_operator_condition", "1 where a condition is True", ["kind", "namespace", "name", "condition"])
CERTIFICATE = Gauge(
    "shop_operator_certificate_expires_seconds",
    "Seconds until the certificate ends that a key of a Shop's Secret holds",
    ["namespace", "name", "secret", "key"],
)
_KNOWN_CERTIFICATES: dict[tuple[str, str], set[tuple[str, str]]] = {}
_KNOWN_CONDITIONS: dict[tuple[str, str, str], set[str]] = {}


def conditions(kind: str, namespace: str, name: str, found: dict[str, bool]) -> None:
    """Show each condition of one resource as 1 or 0."""
    for condition, value in found.items():
        CONDITION.labels(kind, namespace, name, condition).set(value)
    _KNOWN_CONDITIONS.setdefault((kind, namespace, name), set()).update(found)


def certificates(namespace: str, name: str, found: dict[tuple[str, str], float]) -> None:
    """Show the seconds that each certificate of a Shop has left, by Secret and key; others it has no more."""
    for gone in _KNOWN_CERTIFICATES.pop((namespace, name), set()) - set(found):
        CERTIFICATE.remove(namespace, name, *gone)
    for place, seconds in found.items():
        CERTIFICATE.labels(namespace, name, *place).set(seconds)
    _KNOWN_CERTIFICATES[namespace, name] = set(found)


def forget(kind: str, namespace: str, name: str) -> None:
    """A resource that is gone has no lag, no pods and no conditions."""
    for condition in _KNOWN_CONDITIONS.pop((kind, namespace, name), set()):
        CONDITION.remove(kind, namespace, name, condition)
    if kind == "Shop":
        WARM.remove(namespace, name)
        certificates(namespace, name, {})
        _KNOWN_CERTIFICATES.pop((namespace, name))
    if kind == "ShopConsumer":
        for gauge in (LAG, DELAY, REPLICAS, WANTED):
            gauge.remove(namespace, name)
