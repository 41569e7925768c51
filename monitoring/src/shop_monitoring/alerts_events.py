"""Alerts about events: lost, late, refused, or waiting for somebody."""

from __future__ import annotations

from shop_monitoring.alert import Alert
from shop_monitoring.look import LETTERS, OPS, READY, log

EVENTS = (
    Alert(
        "ShopEventsGone",
        "critical",
        "sum by (namespace, topic, partition) (shop_consumer_gap_events_total) > 0",
        "",
        "{{ $value }} events left {{ $labels.topic }}-{{ $labels.partition }} before they were read",
        "Events were deleted by retention, or the log lost its end, before a consumer read them: they are lost to the "
        "read models. "
        "The alert ends when the consumer that saw it is started anew.",
        (
            log("consumer", "log_gap"),
            "`kubectl get shopconsumer`: was the consumer pinned to 0, or without pods for longer than the retention?",
        ),
        (
            "Raise the topic's retention (`shop.consumers.<domain>.topicConfig`, `retention.ms`) before more is "
            "deleted.",
            "Find out why the consumer was behind: [ShopLagGrows](ShopLagGrows.md).",
            "Where a broker lost its log, restore it: [Back up and restore](../backup.md).",
        ),
    ),
    Alert(
        "ShopEventsUnaccounted",
        "critical",
        "max by (namespace, domain) (abs(shop_events_unaccounted)) > 0",
        "1m",
        "{{ $labels.domain }}: the offsets do not tell what became of {{ $value }} events",
        "cm-ops adds up what was accepted, stored, duplicate, waiting and rejected, by offsets; the two sides differ. "
        "An event was lost, "
        "the log lost its end, or the program is wrong.",
        (
            "The page `/scalable-shop-cm-server/ops`, [the line](../watch.md#the-line) of the domain.",
            log("consumer", "log_gap", "position_moved"),
        ),
        (
            "Was a position set by hand, or a database or broker restored from a backup? Then `shopctl verify "
            "ratings` and "
            "`shopctl rebuild catalog --check` tell whether the read models are right.",
            "Otherwise keep the logs and report it.",
        ),
    ),
    Alert(
        "ShopPartitionUnreadable",
        "critical",
        "max by (namespace, topic, partition) (shop_consumer_unreadable_partitions) > 0",
        "",
        "{{ $labels.topic }}-{{ $labels.partition }} cannot be read on from its position",
        "A record batch cannot be fetched or decoded. Its partition stands still, all others go on.",
        ("`shopctl skip`: the partition, its offset and the cause.", log("consumer", "partition_unreadable")),
        (
            "Remove the cause where there is one (a broker's disk, a transaction that stays open): the consumer goes "
            "on by itself.",
            "If it will never be gone: `shopctl skip RECEIPT` ([Unreadable "
            "partitions](../operations.md#unreadable-partitions)).",
        ),
    ),
    Alert(
        "ShopEventsSetAside",
        "critical",
        "sum by (namespace, domain, class) (increase(shop_consumer_set_aside_total[10m])) > 0",
        "",
        "{{ $labels.domain }}: events were set aside ({{ $labels.class }})",
        "Events failed by no fault of their own: `permanent`, the database refuses them; `fault`, a bug. They are "
        "dead letters now.",
        (LETTERS, log("consumer", "event_set_aside")),
        (
            "Mend the bug, or the database.",
            "Redrive them: `shopctl dlq redrive RECEIPT` ([Set aside](../operations.md#set-aside)).",
        ),
    ),
    Alert(
        "ShopEventsRejected",
        "warning",
        'sum by (namespace, domain) (increase(shop_consumer_events_total{outcome="rejected"}[10m])) > 0',
        "",
        "{{ $labels.domain }}: events were rejected",
        "Events broke a rule and are dead letters. Somebody sends what the shop does not take.",
        (LETTERS, log("consumer", "rejected")),
        (
            "Mend and redrive, or discard: [Dead letters](../operations.md#dead-letters).",
            "Tell whoever sends them; the letter has the id of the request.",
        ),
    ),
    Alert(
        "ShopDeadLettersWait",
        "warning",
        "sum by (namespace, domain) (shop_consumer_dead_letters_waiting) > 0",
        "10m",
        "{{ $labels.domain }}: {{ $value }} dead letters do not reach their topic",
        "The dead-letter topic does not take them. Nothing is lost: they wait in MongoDB and are sent again.",
        (log("consumer", "dead_letter_undeliverable"),),
        ("Make the topic (`<topic>.dlq`), or give the consumer the right to write it: `shopctl kafka acls`.",),
    ),
    Alert(
        "ShopLagGrows",
        "warning",
        "sum by (namespace, topic) (shop_consumer_lag_events) > 100"
        " and sum by (namespace, topic) (deriv(shop_consumer_lag_events[10m])) > 0",
        "10m",
        "{{ $labels.topic }}: {{ $value }} events wait, and they become more",
        "More comes in than is stored.",
        (
            OPS,
            "`shop_consumer_batch_seconds`: is the database slow?",
            "Lag by partition: one alone is hot, its key is.",
        ),
        (
            "More consumers, up to one a partition: `shop.consumers.<domain>.maxReplicas`, locally `shopctl up "
            "--consumers purchases=3`.",
            "A database that is slow: see its load.",
        ),
    ),
    Alert(
        "ShopEventsLate",
        "warning",
        "max by (namespace, topic) (shop_consumer_lag_seconds) > 60",
        "5m",
        "{{ $labels.topic }}: the oldest event waits for {{ $value | humanizeDuration }}",
        "An event was accepted more than a minute ago and is not stored yet. Its buyer does not see it.",
        (OPS, READY),
        (
            "As for [ShopLagGrows](ShopLagGrows.md) where the lag grows, for "
            "[ShopConsumerOutages](ShopConsumerOutages.md) where it stands still.",
        ),
    ),
    Alert(
        "ShopConsumersSilent",
        "warning",
        "absent(shop_consumer_lag_events)",
        "10m",
        "No consumer tells its lag",
        "No consumer runs, none has a partition, or Prometheus does not reach them. Consumers that sleep at "
        "`minReplicas: 0` are silent as well: where all may, silence this alert.",
        (OPS, "*Targets* in Prometheus: are the consumers there, and reached (`global.scrapers`)?"),
        ("Start them: `shopctl up`; in a cluster see REASON of `kubectl get shopconsumer`.",),
    ),
    Alert(
        "ShopConsumerOutages",
        "warning",
        "sum by (namespace, domain) (increase(shop_consumer_outages_total[5m])) > 3",
        "",
        "{{ $labels.domain }}: the consumer waits for Kafka or MongoDB",
        "Batches are rewound because a dependency does not answer. Nothing is lost; the lag grows meanwhile.",
        (READY, log("consumer", "outage")),
        ("Repair the dependency. The consumers go on by themselves.",),
    ),
)
