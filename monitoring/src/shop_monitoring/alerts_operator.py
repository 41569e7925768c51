"""Alerts of the operator: about itself, and about what it sees of Shops and ShopConsumers."""

from __future__ import annotations

from shop_monitoring.alert import Alert
from shop_monitoring.look import OPERATOR, log

# A pod that led before tells what it saw then.
LEADS = "and on (instance) shop_operator_leader == 1"
CERTIFICATE_DAYS = 14

OPERATOR_ALERTS = (
    Alert(
        "ShopOperatorLeaderless",
        "critical",
        "sum by (job) (shop_operator_leader) != 1",
        "2m",
        "{{ $value }} operators lead, where it should be one",
        "Nobody looks after Shops and ShopConsumers, or two do. Pods go on as they are, KEDA scales on.",
        (
            "`kubectl get lease -A -o wide`, `kubectl get pods -A -l app.kubernetes.io/name=shop-operator`",
            log("shop-operator", "lead_lost", "lease_failed"),
        ),
        ("See why its pod does not start, or cannot reach the API server.",),
    ),
    Alert(
        "ShopOperatorHangs",
        "warning",
        "max by (job, instance) (shop_operator_reconcile_oldest_seconds) > 120",
        "1m",
        "A reconciliation has been running for {{ $value | humanizeDuration }}",
        "Kafka, a service or the API server does not answer it. After five minutes the operator is restarted.",
        (log("shop-operator", "reconcile_failed", "reconcile_error"), OPERATOR),
        ("Repair what does not answer: conditions `KafkaAway`, `DependencyUnavailable` name it.",),
    ),
    Alert(
        "ShopOperatorFails",
        "warning",
        'sum by (job, kind) (rate(shop_operator_reconcile_seconds_count{outcome="failed"}[10m])) > 0',
        "15m",
        "Reconciliations of {{ $labels.kind }} fail again and again",
        "What their resources ask for is not done.",
        (log("shop-operator", "reconcile_error", "reconcile_failed", "apply_refused"), OPERATOR),
        ("Correct what the message names; a traceback is a bug, report it.",),
    ),
    Alert(
        "ShopNamespaceUnseen",
        "warning",
        f"max by (namespace) (shop_operator_namespace_unseen {LEADS}) > 0",
        "5m",
        "The operator does not see namespace {{ $labels.namespace }}",
        "It is missing, or the operator may not read it. Its Shops and ShopConsumers are not looked after.",
        (log("shop-operator", "namespace_unseen"), "`kubectl get rolebinding -n NAMESPACE`"),
        ("Make the namespace, or take it out of `operator.watchNamespaces`; `helm upgrade` makes its Role again.",),
    ),
    Alert(
        "ShopNotReady",
        "critical",
        f'min by (kind, namespace, name) (shop_operator_condition{{condition="Ready"}} {LEADS}) == 0',
        "15m",
        "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.name }} is not ready",
        "It has not come up, or something that it needs fails.",
        ("`kubectl get shop,shopconsumer -A`: REASON.", OPERATOR),
        ("What the condition's message says ([Conditions](../../reference/operator.md#conditions)).",),
    ),
    Alert(
        "ShopCondition",
        "warning",
        f'max by (kind, namespace, name, condition) (shop_operator_condition{{condition!="Ready"}} {LEADS}) == 1',
        "15m",
        "{{ $labels.kind }} {{ $labels.namespace }}/{{ $labels.name }}: {{ $labels.condition }}",
        "The operator sees something that somebody should correct.",
        (OPERATOR,),
        ("What the condition's message says ([Conditions](../../reference/operator.md#conditions)).",),
    ),
    Alert(
        "ShopConsumerStarved",
        "critical",
        f"max by (namespace, name) (shop_operator_consumer_lag_events {LEADS}) > 0"
        f" and max by (namespace, name) (shop_operator_consumer_replicas {LEADS}) == 0",
        "5m",
        "{{ $labels.namespace }}/{{ $labels.name }}: {{ $value }} events wait, and there is no pod",
        "A consumer that sleeps wakes within seconds; this one does not.",
        ("`kubectl get shopconsumer -o wide`: MODE and REASON.", OPERATOR),
        (
            "`Pinned`: remove `spec.replicas`. `KedaMissing`, `NotScaling`: start KEDA. Otherwise see why its pods do "
            "not start.",
        ),
    ),
    Alert(
        "ShopCampaignsUnknown",
        "warning",
        'sum by (job) (increase(shop_operator_campaigns_asked_total{outcome="failed"}[15m])) > 3',
        "",
        "cm-api does not tell the operator its campaigns",
        "Consumers are not warmed up for a campaign that begins.",
        (OPERATOR,),
        ("Is cm-api up, does the NetworkPolicy admit the operator, is the service token the same?",),
    ),
    Alert(
        "ShopCertificateEnds",
        "warning",
        "min by (namespace, name, secret, key)"
        f" (shop_operator_certificate_expires_seconds {LEADS}) < {CERTIFICATE_DAYS} * 86400",
        "1h",
        "Secret {{ $labels.secret }} in {{ $labels.namespace }}: {{ $labels.key }} ends in {{ $value | "
        "humanizeDuration }}",
        "A certificate of Kafka, MongoDB or the ingress ends soon; then its clients refuse it.",
        (
            "`kubectl get secret SECRET -o jsonpath='{.data.tls\\.crt}' | base64 -d | openssl x509 -noout -enddate`",
            "With cert-manager `kubectl describe certificate`.",
        ),
        (
            "Renew the Secret; Kafka and MongoDB take a changed one within some minutes, one node after the other "
            "([Certificates](../security.md#certificates-that-change)).",
        ),
    ),
)
