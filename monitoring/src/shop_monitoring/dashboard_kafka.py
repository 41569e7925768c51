"""Kafka's dashboard: as the shop meets it, since the charts bring no exporter."""

from __future__ import annotations

from shop_monitoring.panel import Dashboard, Panel, Query, gauge, quantile, rate

LAG = "shop_consumer_lag_events"

KAFKA = Dashboard(
    "scalable-shop-kafka",
    "Scalable shop: Kafka",
    "Kafka as the shop meets it: acks, partitions, what cannot be read. Brokers tell more by an exporter of yours.",
    "shop_produce_in_flight",
    {
        "In": (
            Panel(
                "Events sent",
                "By topic and outcome.",
                [Query(rate("shop_produce_total", "topic", "outcome"), "{{topic}} {{outcome}}")],
                "cps",
            ),
            Panel(
                "Time to the ack",
                "From send to ack, all copies in step.",
                [
                    Query(quantile(0.5, "shop_produce_ack_seconds", "topic"), "{{topic}} p50"),
                    Query(quantile(0.99, "shop_produce_ack_seconds", "topic"), "{{topic}} p99"),
                ],
                "s",
            ),
            Panel(
                "In flight", "Sent and not acked.", [Query(gauge("sum", "shop_produce_in_flight", "job"), "{{job}}")]
            ),
        ),
        "Partitions": (
            Panel(
                "Lag by partition",
                "The twelve highest.",
                [Query(f"topk(12, {gauge('max', LAG, 'topic', 'partition')})", "{{topic}}-{{partition}}")],
            ),
            Panel(
                "The hottest partition",
                "Its share of the topic's lag: near 1 more pods do not help, its key is hot.",
                [Query(f"{gauge('max', LAG, 'topic')} / {gauge('sum', LAG, 'topic')}", "{{topic}}")],
                "percentunit",
            ),
            Panel(
                "Unreadable",
                "Partitions that stand still.",
                [
                    Query(
                        gauge("max", "shop_consumer_unreadable_partitions", "topic", "partition"),
                        "{{topic}}-{{partition}}",
                    )
                ],
                quiet=True,
            ),
            Panel(
                "Gone",
                "Events deleted before they were read: lost.",
                [
                    Query(
                        gauge("sum", "shop_consumer_gap_events_total", "topic", "partition"), "{{topic}}-{{partition}}"
                    )
                ],
                quiet=True,
            ),
        ),
    },
)
