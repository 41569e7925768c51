"""The door's dashboard: what callers meet."""

from __future__ import annotations

from shop_monitoring.panel import NAMESPACE, Dashboard, Panel, Query, average, gauge, quantile, rate, selector

HTTP = "shop_http_request_duration_seconds"
ANSWERS = f"rate({selector(f'{HTTP}_count')}[$__rate_interval])"
CLASSES = f'sum by (class) (label_replace({ANSWERS}, "class", "${{1}}xx", "status", "(.).*"))'
FAILED = f'rate({HTTP}_count{{{NAMESPACE}, status=~"5.."}}[$__rate_interval])'

SHOP = Dashboard(
    "scalable-shop",
    "Scalable shop: the door",
    "What callers meet: requests, errors, times, and what the reads cost.",
    "shop_http_request_duration_seconds_count",
    {
        "Requests": (
            Panel(
                "Requests",
                "By the first digit of the status.",
                [
                    Query(
                        CLASSES,
                        "{{class}}",
                    )
                ],
                "reqps",
            ),
            Panel(
                "Errors",
                "Share of requests that are answered 5xx; above 5 % is an alert.",
                [
                    Query(
                        f"sum({FAILED}) / sum({ANSWERS})",
                        "5xx",
                    )
                ],
                "percentunit",
                quiet=True,
            ),
            Panel(
                "Time to answer",
                "Of all routes.",
                [Query(quantile(0.5, HTTP), "p50"), Query(quantile(0.99, HTTP), "p99")],
                "s",
            ),
            Panel(
                "Slowest routes",
                "Average time to answer.",
                [Query(f"topk(8, {average(HTTP, 'method', 'route')})", "{{method}} {{route}}")],
                "s",
            ),
            Panel(
                "Busiest routes",
                "Requests a second.",
                [Query(f"topk(8, {rate(f'{HTTP}_count', 'method', 'route')})", "{{method}} {{route}}")],
                "reqps",
            ),
            Panel(
                "Requests that wait for a receipt",
                "`at once`: too many waited.",
                [Query(rate("shop_waits_total", "outcome"), "{{outcome}}")],
                "reqps",
                quiet=True,
            ),
            Panel(
                "Clients that listen to a receipt",
                "`refused`: there was no place for them, so they ask instead.",
                [
                    Query("sum(shop_receipt_listeners)", "listening"),
                    Query(rate("shop_receipt_streams_total", "outcome"), "{{outcome}}"),
                ],
                "short",
                quiet=True,
            ),
        ),
        "Callers": (
            Panel(
                "Callers",
                "unknown is 401, forbidden 403. Nothing where callers are not asked.",
                [Query(rate("shop_callers_total", "outcome"), "{{outcome}}")],
                "reqps",
                quiet=True,
            ),
            Panel(
                "Over their limit",
                "Requests answered 429.",
                [Query(rate("shop_limited_total", "route"), "{{route}}")],
                "reqps",
                quiet=True,
            ),
            Panel(
                "The limits' store fails",
                "Each process counts alone meanwhile.",
                [Query(rate("shop_limit_store_errors_total"), "failed calls")],
                "cps",
            ),
        ),
        "Reads": (
            Panel(
                "Cache",
                "Share of reads that a cache answers.",
                [
                    Query(
                        f"{rate('shop_cache_total', 'cache', outcome='hit')} / {rate('shop_cache_total', 'cache')}",
                        "{{cache}}",
                    )
                ],
                "percentunit",
                quiet=True,
            ),
            Panel(
                "Connections to MongoDB",
                "In use.",
                [Query(gauge("sum", "shop_mongodb_pool_connections", "job"), "{{job}}")],
            ),
            Panel(
                "Releases",
                "Processes by the release that they run.",
                [Query(f"count by (version) ({selector('shop_build_info')})", "{{version}}")],
            ),
            Panel(
                "Circuits",
                "0: asked. 1: one request probes. 2: not asked.",
                [Query(gauge("max", "shop_circuit_state", "dependency"), "{{dependency}}")],
            ),
        ),
    },
)
