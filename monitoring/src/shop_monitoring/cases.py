"""When each alert fires, and when it does not: series minute by minute, in promtool's notation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Series = Mapping[str, str]
LEADER = {
    'shop_operator_leader{instance="a", job="shop-operator"}': "1x120",
    'shop_operator_leader{instance="b", job="shop-operator"}': "0x120",
}
"""b was the leader before, and still tells what it saw then."""
HTTP = "shop_http_request_duration_seconds_count"
CONDITION = 'kind="Shop", namespace="shop", name="shop"'
DAY = 86400


@dataclass(frozen=True)
class Case:
    """After half an hour `fires` has made the alert fire once, with these labels and this summary; `calm` has not."""

    fires: Series
    calm: Series
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)


def certificate(instance: str) -> str:
    """A series of it."""
    named = 'namespace="shop", name="shop", secret="tls", key="tls.crt"'
    return f'shop_operator_certificate_expires_seconds{{instance="{instance}", {named}}}'


EVENTS = {
    "ShopEventsGone": Case(
        {'shop_consumer_gap_events_total{topic="t", partition="3"}': "_x20 7x40"},
        {'shop_consumer_gap_events_total{topic="t", partition="3"}': "0x60"},
        "7 events left t-3 before they were read",
        {"topic": "t", "partition": "3"},
    ),
    "ShopEventsUnaccounted": Case(
        {'shop_events_unaccounted{domain="catalog"}': "0x20 -2x40"},
        {'shop_events_unaccounted{domain="catalog"}': "0x29 5 0x30"},
        "catalog: the offsets do not tell what became of 2 events",
        {"domain": "catalog"},
    ),
    "ShopPartitionUnreadable": Case(
        {'shop_consumer_unreadable_partitions{topic="t", partition="0", instance="a"}': "0x29 1x30"},
        {'shop_consumer_unreadable_partitions{topic="t", partition="0", instance="a"}': "1x20 0x40"},
        "t-0 cannot be read on from its position",
        {"topic": "t", "partition": "0"},
    ),
    "ShopEventsSetAside": Case(
        {'shop_consumer_set_aside_total{domain="catalog", class="fault"}': "0x25 1x35"},
        {'shop_consumer_set_aside_total{domain="catalog", class="fault"}': "1x60"},
        "catalog: events were set aside (fault)",
        {"domain": "catalog", "class": "fault"},
    ),
    "ShopEventsRejected": Case(
        {'shop_consumer_events_total{domain="purchases", outcome="rejected"}': "0x25 1x35"},
        {'shop_consumer_events_total{domain="purchases", outcome="applied"}': "0+9x60"},
        "purchases: events were rejected",
        {"domain": "purchases"},
    ),
    "ShopDeadLettersWait": Case(
        {'shop_consumer_dead_letters_waiting{domain="purchases"}': "0x10 2x50"},
        {'shop_consumer_dead_letters_waiting{domain="purchases"}': "0x25 2x35"},
        "purchases: 2 dead letters do not reach their topic",
        {"domain": "purchases"},
    ),
    "ShopLagGrows": Case(
        {f'shop_consumer_lag_events{{topic="t", partition="{p}"}}': "0+20x60" for p in (0, 1)},
        {'shop_consumer_lag_events{topic="t", partition="0"}': "9000-20x60"},
        "t: 1200 events wait, and they become more",
        {"topic": "t"},
    ),
    "ShopEventsLate": Case(
        {'shop_consumer_lag_seconds{topic="t", partition="0"}': "0x10 0+60x50"},
        {'shop_consumer_lag_seconds{topic="t", partition="0"}': "0x27 90x33"},
        "t: the oldest event waits for 19m 0s",
        {"topic": "t"},
    ),
    "ShopConsumersSilent": Case(
        {'shop_consumer_lag_events{topic="t", partition="0"}': "0x5 stale"},
        {'shop_consumer_lag_events{topic="t", partition="0"}': "0x60"},
        "No consumer tells its lag",
    ),
    "ShopConsumerOutages": Case(
        {'shop_consumer_outages_total{domain="purchases"}': "0x20 0+1x40"},
        {'shop_consumer_outages_total{domain="purchases"}': "0x27 1x33"},
        "purchases: the consumer waits for Kafka or MongoDB",
        {"domain": "purchases"},
    ),
}
DOOR = {
    "ShopServerErrors": Case(
        {f'{HTTP}{{status="200"}}': "0+90x60", f'{HTTP}{{status="503"}}': "0+10x60"},
        {f'{HTTP}{{status="200"}}': "0+99x60", f'{HTTP}{{status="503"}}': "0+1x60"},
        "10% of the requests are answered 5xx",
    ),
    "ShopEventsNotTaken": Case(
        {'shop_produce_total{topic="-", outcome="refused"}': "0x20 0+1x40"},
        {
            'shop_produce_total{topic="t", outcome="acked"}': "0+9x60",
            'shop_produce_total{topic="t", outcome="failed"}': "3x60",
        },
        "Kafka does not take events (refused)",
        {"topic": "-", "outcome": "refused"},
    ),
    "ShopCircuitOpen": Case(
        {'shop_circuit_state{dependency="cm-api"}': "0x20 2x40"},
        {'shop_circuit_state{dependency="cm-api"}': "0x29 2 0x30"},
        "cm-server does not ask cm-api",
        {"dependency": "cm-api"},
    ),
    "ShopOpsBlind": Case(
        {
            'shop_ops_looks_total{outcome="failed"}': "0+5x60",
            'shop_ops_looks_total{outcome="answered"}': "0+5x10 50x50",
        },
        {'shop_ops_looks_total{outcome="failed"}': "0+5x60", 'shop_ops_looks_total{outcome="answered"}': "0+5x60"},
        "cm-ops sees neither Kafka nor MongoDB",
    ),
    "ShopLimitsNotShared": Case(
        {"shop_limit_store_errors_total": "0x10 0+1x50"},
        {"shop_limit_store_errors_total": "4x60"},
        "The store of limits does not answer",
    ),
}
OPERATOR = {
    "ShopOperatorLeaderless": Case(
        {'shop_operator_leader{instance="a", job="shop-operator"}': "1x20 0x40"},
        LEADER,
        "0 operators lead, where it should be one",
        {"job": "shop-operator"},
    ),
    "ShopOperatorHangs": Case(
        {'shop_operator_reconcile_oldest_seconds{instance="a", job="o"}': "0x20 60+60x40"},
        {'shop_operator_reconcile_oldest_seconds{instance="a", job="o"}': "20x60"},
        "A reconciliation has been running for 10m 0s",
        {"job": "o", "instance": "a"},
    ),
    "ShopOperatorFails": Case(
        {'shop_operator_reconcile_seconds_count{job="o", kind="Shop", outcome="failed"}': "0+1x60"},
        {'shop_operator_reconcile_seconds_count{job="o", kind="Shop", outcome="failed"}': "0x25 0+1x35"},
        "Reconciliations of Shop fail again and again",
        {"job": "o", "kind": "Shop"},
    ),
    "ShopNamespaceUnseen": Case(
        LEADER | {'shop_operator_namespace_unseen{instance="a", namespace="team"}': "1x60"},
        LEADER | {'shop_operator_namespace_unseen{instance="b", namespace="team"}': "1x60"},
        "The operator does not see namespace team",
        {"namespace": "team"},
    ),
    "ShopNotReady": Case(
        LEADER | {f'shop_operator_condition{{instance="a", {CONDITION}, condition="Ready"}}': "0x60"},
        LEADER
        | {
            f'shop_operator_condition{{instance="a", {CONDITION}, condition="Ready"}}': "1x60",
            f'shop_operator_condition{{instance="b", {CONDITION}, condition="Ready"}}': "0x60",
        },
        "Shop shop/shop is not ready",
        {"kind": "Shop", "namespace": "shop", "name": "shop"},
    ),
    "ShopCondition": Case(
        LEADER | {f'shop_operator_condition{{instance="a", {CONDITION}, condition="KedaMissing"}}': "1x60"},
        LEADER
        | {
            f'shop_operator_condition{{instance="a", {CONDITION}, condition="Ready"}}': "1x60",
            f'shop_operator_condition{{instance="a", {CONDITION}, condition="KedaMissing"}}': "0x60",
        },
        "Shop shop/shop: KedaMissing",
        {"kind": "Shop", "namespace": "shop", "name": "shop", "condition": "KedaMissing"},
    ),
    "ShopConsumerStarved": Case(
        LEADER
        | {
            'shop_operator_consumer_lag_events{instance="a", namespace="shop", name="catalog"}': "40x60",
            'shop_operator_consumer_replicas{instance="a", namespace="shop", name="catalog"}': "0x60",
        },
        LEADER
        | {
            'shop_operator_consumer_lag_events{instance="a", namespace="shop", name="catalog"}': "40x60",
            'shop_operator_consumer_replicas{instance="a", namespace="shop", name="catalog"}': "1x60",
        },
        "shop/catalog: 40 events wait, and there is no pod",
        {"namespace": "shop", "name": "catalog"},
    ),
    "ShopCampaignsUnknown": Case(
        {'shop_operator_campaigns_asked_total{job="o", outcome="failed"}': "0+1x60"},
        {'shop_operator_campaigns_asked_total{job="o", outcome="failed"}': "0x27 2x33"},
        "cm-api does not tell the operator its campaigns",
        {"job": "o"},
    ),
    "ShopCertificateEnds": Case(
        LEADER | {certificate("a"): f"{13 * DAY}x120", certificate("b"): f"{5 * DAY}x120"},
        LEADER | {certificate("a"): f"{15 * DAY}x120", certificate("b"): f"{5 * DAY}x120"},
        "Secret tls in shop: tls.crt ends in 13d 0h 0m 0s",
        {"namespace": "shop", "name": "shop", "secret": "tls", "key": "tls.crt"},
    ),
}
CASES: Mapping[str, Case] = EVENTS | DOOR | OPERATOR
