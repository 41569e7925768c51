"""Alerts and dashboards: what the charts bring is as the data has it, asks for nothing that no process tells, and
leaves no metric out. `make monitoring-test` fires and evaluates them in a real Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from shop_core.telemetry import metrics as services
from shop_monitoring import alerts, expressions, files, metrics

ROOT = Path(__file__).resolve().parents[2]
# That Prometheus itself gives each series; a discovery in Kubernetes the namespace.
TARGET = {"job", "instance", "namespace"}
DASHBOARDS = [each for dashboards in files.DASHBOARDS.values() for each in dashboards]
EXPRESSIONS = {alert.name: alert.expr for alert in alerts.every()} | {
    f"{dashboard.uid}: {panel.title}, {query.legend}": query.expr
    for dashboard in DASHBOARDS
    for panel in dashboard.panels()
    for query in panel.queries
}


def test_what_is_made_of_the_data_is_fresh() -> None:
    for path, text in files.wanted().items():
        assert path.exists() and path.read_text() == text, f"run `make generate`: {path.relative_to(ROOT)}"
    assert files.leftovers() == [], "run `make generate`"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_asks_only_for_what_a_process_tells(name: str) -> None:
    found, known = expressions.asked(EXPRESSIONS[name]), metrics.every()
    assert found.metrics and set(found.metrics) <= set(known), f"no process tells {set(found.metrics) - set(known)}"
    told = {label for metric in found.metrics for label in known[metric].labels}
    for metric, matched in found.metrics.items():
        assert matched <= {*known[metric].labels, *TARGET}, f"{metric} has no label {matched}"
    # A histogram's buckets; and what label_replace makes.
    assert found.labels <= told | TARGET | {"le", "class"}


def test_an_unknown_metric_or_label_would_be_found() -> None:
    found = expressions.asked('sum by (topc) (rate(shop_produce_totl{topi="a"}[$__rate_interval]))')
    assert found.metrics == {"shop_produce_totl": {"topi"}} and found.labels == {"topc"}
    with pytest.raises(ValueError):
        expressions.asked("sum by (topic (shop_produce_total)")


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    used = {metric for expr in EXPRESSIONS.values() for metric in expressions.asked(expr).metrics}
    lacking = {metric.name for metric in metrics.every().values() if not used & set(metric.samples)}
    assert lacking == set(metrics.NOWHERE)


def test_a_legend_names_labels_that_its_series_have() -> None:
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels():
            for query in panel.queries:
                named = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
                assert named <= expressions.asked(query.expr).labels, f"{dashboard.uid}: {panel.title}"


def test_each_alert_has_a_name_and_a_page_of_its_own() -> None:
    every = alerts.every()
    assert len({alert.name for alert in every}) == len(every) > 20
    for alert in every:
        assert re.fullmatch(r"Shop[A-Za-z]+", alert.name) and alert.look and alert.act
        assert "](" not in alert.meaning, f"{alert.name}: the table has it too, where the link leads elsewhere"
        for label in re.findall(r"\$labels\.(\w+)", alert.summary):
            assert label in expressions.asked(alert.expr).labels, f"{alert.name} is told without {label}"


def test_the_commands_and_log_events_that_a_runbook_names_are_there() -> None:
    commands = set(re.findall(r"^## (shopctl .+)$", (ROOT / "docs/reference/cli.md").read_text(), re.M))
    events = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/reference/log-events.md").read_text()))
    for alert in alerts.every():
        for words in re.findall(r"`(shopctl [^`]+)`", alert.page()):
            assert any(words == command or words.startswith(f"{command} ") for command in commands), words
        for line in alert.look:
            if "log-events.md" in line:
                named = re.findall(r"`([a-z_]+)`", line.rpartition(": ")[2])
                assert named and set(named) <= events, f"{alert.name}: {set(named) - events}"


def test_the_charts_files_are_what_prometheus_and_grafana_read() -> None:
    for chart, groups in alerts.GROUPS.items():
        folder = ROOT / "charts" / chart / "files"
        read = yaml.safe_load((folder / "alerts.yaml").read_text())["groups"]
        assert [group["name"] for group in read] == list(groups)
        assert [rule["alert"] for group in read for rule in group["rules"]] == [
            alert.name for group in groups.values() for alert in group
        ]
        for path in (folder / "dashboards").glob("*.json"):
            board = json.loads(path.read_text())
            assert board["uid"] == path.stem and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
            at = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
            assert not overlapping(at), path.name


def overlapping(places: list[tuple[int, ...]]) -> bool:
    """Whether two of (width, height, x, y) lie on one another."""
    cells = [(x + i, y + j) for w, h, x, y in places for i in range(w) for j in range(h)]
    return len(set(cells)) < len(cells)


def test_a_counter_begins_with_its_consumer_and_has_one_series() -> None:
    """Of one that begins with its first event no rate shows that event."""
    services.consumer_begins("new")
    text = services.render().decode()
    assert 'shop_consumer_set_aside_total{class="fault",domain="new"} 0.0' in text
    assert 'shop_consumer_events_total{domain="new",outcome="rejected"} 0.0' in text
    assert "shop_consumer_set_aside_created" not in text
