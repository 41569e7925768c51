"""The consumers' dashboard: from accepted to stored."""

from __future__ import annotations

from shop_monitoring.panel import Dashboard, Panel, Query, average, gauge, quantile, rate

LAG = "shop_consumer_lag_events"

CONSUMERS = Dashboard(
    "scalable-shop-consumers",
    "Scalable shop: consumers",
    "From accepted to stored: what waits, for how long, and what became of it.",
    LAG,
    {
        "What waits": (
            Panel("Lag", "Events after the stored position.", [Query(gauge("sum", LAG, "topic"), "{{topic}}")]),
            Panel(
                "Lag in time",
                "Age of the oldest event that is not stored.",
                [Query(gauge("max", "shop_consumer_lag_seconds", "topic"), "{{topic}}")],
                "s",
            ),
            Panel(
                "From accepted to stored",
                "Of the events that were stored.",
                [
                    Query(quantile(0.5, "shop_event_delay_seconds", "domain"), "{{domain}} p50"),
                    Query(quantile(0.99, "shop_event_delay_seconds", "domain"), "{{domain}} p99"),
                ],
                "s",
            ),
        ),
        "What becomes of events": (
            Panel(
                "Events",
                "By domain and outcome.",
                [Query(rate("shop_consumer_events_total", "domain", "outcome"), "{{domain}} {{outcome}}")],
                "cps",
            ),
            Panel(
                "Unaccounted",
                "Accepted, and the offsets do not tell what became of them. Other than 0 is an alert.",
                [Query(gauge("max", "shop_events_unaccounted", "domain"), "{{domain}}")],
                kind="stat",
            ),
            Panel(
                "Set aside",
                "By a bug (fault) or by the database (permanent).",
                [Query(rate("shop_consumer_set_aside_total", "domain", "class"), "{{domain}} {{class}}")],
                "cps",
            ),
            Panel(
                "Dead letters that wait",
                "Their topic does not take them.",
                [Query(gauge("sum", "shop_consumer_dead_letters_waiting", "domain"), "{{domain}}")],
            ),
            Panel(
                "Dead letters dealt with",
                "By operators, and what came of it.",
                [Query(rate("shop_dead_letters_handled_total", "outcome"), "{{outcome}}")],
                "cps",
                quiet=True,
            ),
            Panel(
                "Derived, late, erased",
                "Sent to other services; of an hour that was over; users erased.",
                [
                    Query(rate("shop_derived_events_total", "domain"), "{{domain}} derived"),
                    Query(rate("shop_late_events_total", "domain"), "{{domain}} late"),
                    Query(rate("shop_users_erased_total"), "users erased"),
                ],
                "cps",
            ),
        ),
        "The work": (
            Panel("Batches", "Average size.", [Query(average("shop_consumer_batch_events", "domain"), "{{domain}}")]),
            Panel(
                "Time of a batch",
                "Decode, apply, commit.",
                [Query(quantile(0.99, "shop_consumer_batch_seconds", "domain"), "{{domain}} p99")],
                "s",
            ),
            Panel(
                "Outages and conflicts",
                "Batches that were rewound, and transactions that came second.",
                [
                    Query(rate("shop_consumer_outages_total", "domain"), "{{domain}} outages"),
                    Query(rate("shop_consumer_conflicts_total", "domain"), "{{domain}} conflicts"),
                    Query(rate("shop_consumer_position_moved_total", "domain"), "{{domain}} position moved"),
                ],
                "cps",
            ),
        ),
        "cm-ops": (
            Panel(
                "Looks", "At Kafka and MongoDB.", [Query(rate("shop_ops_looks_total", "outcome"), "{{outcome}}")], "cps"
            ),
            Panel(
                "Events followed",
                "That operators asked for.",
                [Query(rate("shop_events_followed_total", "outcome"), "{{outcome}}")],
                "cps",
                quiet=True,
            ),
        ),
    },
)
