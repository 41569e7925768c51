"""Every file that follows from the data: what the charts bring, and the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shop_core.telemetry import metrics as services
from shop_monitoring import alerts, metrics
from shop_monitoring.dashboard_consumers import CONSUMERS
from shop_monitoring.dashboard_kafka import KAFKA
from shop_monitoring.dashboard_operator import OPERATOR
from shop_monitoring.dashboard_shop import SHOP
from shop_monitoring.panel import Dashboard
from shop_operator import metrics as operator

ROOT = Path(__file__).resolve().parents[3]
DASHBOARDS: Mapping[str, Sequence[Dashboard]] = {
    "scalable-shop": (SHOP, CONSUMERS, KAFKA),
    "shop-operator": (OPERATOR,),
}
"""By chart."""
MADE = "<!-- made by scripts/monitoring.py from monitoring/src/shop_monitoring -->"
METRICS = f"""\
# Metrics
{MADE}
`GET /metrics` of each service, for [Prometheus and Grafana](../how-to/monitor.md). A counter with labels is absent
until it has counted once; those of a consumer by domain begin at 0 with it. `shop_consumer_lag_events` and
`shop_consumer_lag_seconds` are measured by the consumers, in a thread of its own: they stay alive when the poll loop
hangs, are absent without a consumer, and do not change while Kafka is unavailable. They are of committed records.
`shopctl status` asks the broker instead. [Alerts](alerts.md) say what to do.

"""
HEAD = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
ALERTS = f"""\
# Alerts
{MADE}
Rules for Prometheus, in `charts/scalable-shop/files/alerts.yaml` and `charts/shop-operator/files/alerts.yaml`;
[how to have them](../how-to/monitor.md). Each leads to its runbook.

| alert | severity | expression | meaning |
|---|---|---|---|
"""


def wanted() -> dict[Path, str]:
    """Every file as it should be."""
    made = {
        ROOT / "charts" / chart / "files/alerts.yaml": alerts.rules(groups) for chart, groups in alerts.GROUPS.items()
    }
    for chart, dashboards in DASHBOARDS.items():
        for each in dashboards:
            path = _chart(chart) / "dashboards" / f"{each.uid}.json"
            made[path] = json.dumps(each.grafana(), indent=1, ensure_ascii=False) + "\n"
    made |= {ROOT / "docs" / alert.runbook: alert.page() for alert in alerts.every()}
    made[ROOT / "docs/reference/alerts.md"] = ALERTS + _lines(alerts.rows())
    made[ROOT / "docs/reference/metrics.md"] = (
        METRICS + HEAD + _lines(metrics.rows(services, metrics.SERVICES))
        + f"\n## The operator's\n{HEAD}" + _lines(metrics.rows(operator, metrics.OPERATOR))
    )  # fmt: skip
    return made


def leftovers() -> list[Path]:
    """Pages and dashboards that nothing asks for any more."""
    kept = set(wanted())
    places = (*ROOT.glob("docs/how-to/runbooks/*"), *ROOT.glob("charts/*/files/dashboards/*"))
    return [path for path in places if path not in kept]


def _chart(name: str) -> Path:
    return ROOT / "charts" / name / "files"


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
