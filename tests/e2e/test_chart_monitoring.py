"""What `global.monitoring` makes: who is scraped, the alerts, the dashboards; nothing of it unless it is asked for."""

from __future__ import annotations

import json

import pytest

from shop_cluster.places import ROOT
from shop_cluster.rendering import Manifest, render
from shop_monitoring import alerts, files
from shop_operator.desired import consumer
from shop_operator.desired.http_services import API, OPS, SERVER

ON = "global.monitoring.enabled=true"
OPERATOR_ALONE = ROOT / "charts" / "shop-operator"


def made(*values: str) -> list[Manifest]:
    return render("--set", ",".join((ON, *values)))


def of(kind: str, manifests: list[Manifest]) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def dashboards(manifests: list[Manifest]) -> dict[str, Manifest]:
    found = of("ConfigMap", manifests)
    return {name: each for name, each in found.items() if "grafana_dashboard" in each["metadata"]["labels"]}


def test_nothing_is_made_unless_it_is_asked_for() -> None:
    less = render()
    assert not of("PodMonitor", less) and not of("PrometheusRule", less) and not dashboards(less)
    assert len(made()) == len(less) + 8


def test_the_alerts_are_those_of_the_files_with_what_the_values_say() -> None:
    words = ("docsUrl=https://docs.example/shop/", "certificateDays=30", "labels.release=prometheus")
    rules = of("PrometheusRule", made(*(f"global.monitoring.{word}" for word in words)))
    assert {name: rule["metadata"]["labels"]["release"] for name, rule in rules.items()} == {
        "shop": "prometheus",
        "shop-operator": "prometheus",
    }
    told = [alert for rule in rules.values() for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert {alert["alert"] for alert in told} == {alert.name for alert in alerts.every()}
    known = {alert.name: alert for alert in alerts.every()}
    for rule in told:
        name, url = rule["alert"], rule["annotations"].pop("runbook_url")
        assert url == f"https://docs.example/shop/how-to/runbooks/{name}.html"
        expected = known[name].rule()
        if name == "ShopCertificateEnds":
            assert rule["expr"].endswith("< 30 * 86400") and expected["expr"].endswith("< 14 * 86400")
            expected["expr"] = rule["expr"]
        assert rule == expected


def test_every_process_is_scraped_at_the_port_that_the_operator_gives_it() -> None:
    monitors = of("PodMonitor", made("global.monitoring.interval=15s"))
    shop, operator = monitors["shop"]["spec"], monitors["shop-operator"]["spec"]
    [chosen] = shop["selector"]["matchExpressions"]
    assert set(chosen["values"]) == {SERVER, API, OPS, consumer.NAME}
    assert shop["selector"]["matchLabels"] == {"app.kubernetes.io/instance": "shop"}
    assert [each["port"] for each in shop["podMetricsEndpoints"]] == ["http", "health"]
    deployed = of("Deployment", render())["shop-operator"]["spec"]
    assert operator["selector"] == {"matchLabels": deployed["selector"]["matchLabels"]}
    [endpoint] = operator["podMetricsEndpoints"]
    assert endpoint == {"port": "health", "path": "/metrics", "interval": "15s", "honorLabels": True}
    assert "health" in [port["name"] for port in deployed["template"]["spec"]["containers"][0]["ports"]]


def test_a_dashboard_is_a_config_map_that_grafana_finds() -> None:
    found = dashboards(made("global.monitoring.dashboardLabels.folder=shop"))
    told = {name: json.loads(text) for each in found.values() for name, text in each["data"].items()}
    assert set(told) == {f"{board.uid}.json" for boards in files.DASHBOARDS.values() for board in boards}
    assert all(board["uid"] == name.removesuffix(".json") for name, board in told.items())
    assert {each["metadata"]["labels"]["folder"] for each in found.values()} == {"shop"}


@pytest.mark.parametrize(("part", "kind"), [("podMonitors", "PodMonitor"), ("rules", "PrometheusRule")])
def test_each_part_can_be_left_out(part: str, kind: str) -> None:
    less = made(f"global.monitoring.{part}=false")
    assert not of(kind, less) and len(less) == len(made()) - 2
    assert not dashboards(made("global.monitoring.dashboards=false"))


def test_the_operators_chart_brings_its_own_alone() -> None:
    alone = render("--set", ON, chart=OPERATOR_ALONE)
    assert set(of("PrometheusRule", alone)) == set(of("PodMonitor", alone)) == {"shop-operator"}
    assert set(dashboards(alone)) == {"shop-operator-dashboard-operator"}
