"""All alerts, by the chart that brings them, and the table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from shop_monitoring.alert import Alert
from shop_monitoring.alerts_door import DOOR
from shop_monitoring.alerts_events import EVENTS
from shop_monitoring.alerts_operator import OPERATOR_ALERTS

GROUPS: Mapping[str, Mapping[str, Sequence[Alert]]] = {
    "scalable-shop": {"scalable-shop-events": EVENTS, "scalable-shop-door": DOOR},
    "shop-operator": {"scalable-shop-operator": OPERATOR_ALERTS},
}
"""By chart: its groups of rules."""
HEAD = "# made by scripts/monitoring.py from monitoring/src/shop_monitoring; a file of rules as Prometheus reads it\n"


def every() -> tuple[Alert, ...]:
    return tuple(alert for groups in GROUPS.values() for alerts in groups.values() for alert in alerts)


def rules(groups: Mapping[str, Sequence[Alert]]) -> str:
    """A file of rules."""
    made = [{"name": name, "rules": [alert.rule() for alert in alerts]} for name, alerts in groups.items()]
    return HEAD + str(yaml.safe_dump({"groups": made}, sort_keys=False, width=10_000, allow_unicode=True))


def rows() -> Iterator[str]:
    """The table's rows."""
    for alert in every():
        lasts = f" for {alert.after}" if alert.after else ""
        expr = alert.expr.replace("|", "\\|")
        yield f"| [{alert.name}](../{alert.runbook}) | {alert.severity} | `{expr}`{lasts} | {alert.meaning} |"
