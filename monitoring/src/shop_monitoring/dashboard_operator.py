"""The operator's dashboard: what it sees of Shops and ShopConsumers, and whether it works itself."""

from __future__ import annotations

from shop_monitoring.panel import NAMESPACE, Dashboard, Panel, Query, gauge

PODS = "shop_operator_consumer_replicas"
CONSUMER = ("namespace", "name")
NAMED = "{{namespace}}/{{name}}"

OPERATOR = Dashboard(
    "scalable-shop-operator",
    "Scalable shop: operator",
    "ShopConsumers and their pods, conditions, certificates, and the operator's own work.",
    "shop_operator_consumer_replicas",
    {
        "Consumers": (
            Panel(
                "Lag",
                "Events that the group has not committed.",
                [Query(gauge("max", "shop_operator_consumer_lag_events", *CONSUMER), NAMED)],
            ),
            Panel(
                "Delay",
                "Age of the oldest event that is not stored.",
                [Query(gauge("max", "shop_operator_consumer_delay_seconds", *CONSUMER), NAMED)],
                "s",
            ),
            Panel(
                "Pods",
                "Current, and wanted by the rule.",
                [
                    Query(gauge("max", PODS, *CONSUMER), NAMED),
                    Query(gauge("max", f"{PODS}_wanted", *CONSUMER), f"{NAMED} wanted"),
                ],
            ),
            Panel(
                "Warm-up",
                "1 while a Shop's consumers are warmed up for a campaign.",
                [Query(gauge("max", "shop_operator_warm_up", *CONSUMER), NAMED)],
            ),
        ),
        "Conditions": (
            Panel(
                "Ready",
                "0: not ready.",
                [
                    Query(
                        gauge("min", "shop_operator_condition", "kind", *CONSUMER, condition="Ready"),
                        f"{{{{kind}}}} {NAMED}",
                    )
                ],
            ),
            Panel(
                "Others that hold",
                "Each names what to correct.",
                [
                    Query(
                        "max by (kind, namespace, name, condition)"
                        f' (shop_operator_condition{{{NAMESPACE}, condition!="Ready"}}) == 1',
                        f"{NAMED} {{{{condition}}}}",
                    )
                ],
                quiet=True,
            ),
            Panel(
                "Certificates",
                "Time left, by Secret and key.",
                [
                    Query(
                        gauge("min", "shop_operator_certificate_expires_seconds", *CONSUMER, "secret", "key"),
                        "{{namespace}}/{{secret}} {{key}}",
                    )
                ],
                "s",
                quiet=True,
            ),
        ),
        "The operator": (
            Panel(
                "Leaders", "It should be one.", [Query("sum by (job) (shop_operator_leader)", "{{job}}")], kind="stat"
            ),
            Panel(
                "Reconciliations",
                "By kind and outcome.",
                [
                    Query(
                        "sum by (kind, outcome) (rate(shop_operator_reconcile_seconds_count[$__rate_interval]))",
                        "{{kind}} {{outcome}}",
                    )
                ],
                "cps",
            ),
            Panel(
                "Time of a reconciliation",
                "",
                [
                    Query(
                        "histogram_quantile(0.99, sum by (kind, le)"
                        " (rate(shop_operator_reconcile_seconds_bucket[$__rate_interval])))",
                        "{{kind}} p99",
                    )
                ],
                "s",
            ),
            Panel(
                "Longest that runs",
                "Above 300 s the operator is restarted.",
                [Query("max by (job) (shop_operator_reconcile_oldest_seconds)", "{{job}}")],
                "s",
            ),
            Panel(
                "Repairs and topics",
                "Objects put right, topics made.",
                [
                    Query("sum by (kind) (rate(shop_operator_repairs_total[$__rate_interval]))", "{{kind}} repaired"),
                    Query("sum(rate(shop_operator_topics_made_total[$__rate_interval]))", "topics made"),
                ],
                "cps",
            ),
            Panel(
                "What fails",
                "Events not written, campaigns not told, namespaces not seen.",
                [
                    Query("sum(rate(shop_operator_events_failed_total[$__rate_interval]))", "Events not written"),
                    Query(
                        "sum by (outcome) (rate(shop_operator_campaigns_asked_total[$__rate_interval]))",
                        "campaigns {{outcome}}",
                    ),
                    Query("max by (namespace) (shop_operator_namespace_unseen)", "{{namespace}} unseen"),
                ],
                quiet=True,
            ),
        ),
    },
)
