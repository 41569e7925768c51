"""Alerts and dashboards in a real Prometheus that scrapes the running platform, and the operator's metrics of one Shop:
every expression is one, and every panel has something to show, save those that are empty while all is well."""

from __future__ import annotations

import json
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
import yaml

from shop_cluster.waiting import wait_until
from shop_monitoring import alerts, expressions, files
from shop_operator import metrics
from shop_operator.health import Health

if TYPE_CHECKING:
    from tests.conftest import Platform

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SHOP = ("shop", "shop")
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def operator() -> Iterator[int]:
    """The operator's own metrics, of a Shop with one consumer; its port."""
    metrics.LEADER.set(1)
    metrics.RECONCILE_SECONDS.labels("Shop", "ok").observe(0.1)
    metrics.REPAIRS.labels("Deployment").inc()
    metrics.CAMPAIGNS_ASKED.labels("ok").inc()
    metrics.NAMESPACE_UNSEEN.labels("shop").set(0)
    for gauge in (metrics.LAG, metrics.REPLICAS, metrics.WANTED):
        gauge.labels("shop", "purchases").set(1)
    metrics.WARM.labels(*SHOP).set(0)
    metrics.conditions("Shop", *SHOP, {"Ready": True})
    metrics.certificates(*SHOP, {("tls", "tls.crt"): 90 * 86400.0})
    with Health().serve(HOST, 0) as port:
        yield port


@pytest.fixture(scope="module")
def ask(platform: Platform, operator: int, prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks Prometheus' API; it has reached every process."""
    folder = tmp_path_factory.mktemp("prometheus")
    ports = {
        "cm-server": [platform.ports.cm_server],
        "cm-api": [platform.ports.cm_api],
        "cm-ops": [platform.ports.cm_ops],
    }
    ports["consumers"] = [platform.health_of(name) for name in platform.processes() if "-consumer-" in name]
    jobs: list[dict[str, Any]] = [
        {"job_name": name, "static_configs": [{"targets": [f"{HOST}:{port}" for port in every]}]}
        for name, every in ports.items()
    ]
    # This very process imports the services' metrics as well.
    only = {"source_labels": ["__name__"], "regex": "shop_operator_.*", "action": "keep"}
    jobs.append({
        "job_name": "shop-operator", "honor_labels": True, "metric_relabel_configs": [only],
        "static_configs": [{"targets": [f"{HOST}:{operator}"]}],
    })  # fmt: skip
    rules = [str(ROOT / "charts" / chart / "files/alerts.yaml") for chart in alerts.GROUPS]
    every_second = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump({"global": every_second, "rule_files": rules, "scrape_configs": jobs})
    )
    with ExitStack() as stack:
        yield _started(stack, prometheus, folder, sum(len(every) for every in ports.values()) + 1)


def _started(stack: ExitStack, prometheus: Path, folder: Path, targets: int) -> Ask:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    words = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    log = stack.enter_context((folder / "log").open("w"))
    command = [str(prometheus), *words, f"--web.listen-address={HOST}:{port}"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)
    retries = urllib3.Retry(connect=20, backoff_factor=0.2, backoff_max=1, status_forcelist=[503], status=20)
    http = stack.enter_context(urllib3.PoolManager(retries=retries, timeout=30))

    def ask(path: str, **fields: str) -> Any:
        answer = http.request("GET", f"http://{HOST}:{port}/api/v1/{path}", fields=fields)
        assert answer.status == 200, f"{fields}: {answer.data!r}"
        return answer.json()["data"]

    assert http.request("GET", f"http://{HOST}:{port}/-/ready").status == 200, (folder / "log").read_text()
    wait_until(lambda: _up(ask) == targets, f"{targets} targets are scraped", 30)
    return ask


def _up(ask: Ask) -> int:
    return sum(target["health"] == "up" for target in ask("targets", state="active")["activeTargets"])


def shop(platform: Platform) -> None:
    """A little of everything that a panel shows."""
    user = f"dash-{uuid.uuid4().hex[:8]}"
    buy = {"username": user, "userid": user, "price": "1"}
    send(platform, "/v1/purchases", buy, Idempotency_Key=user)
    # The same key for another purchase: it is rejected.
    assert send(platform, "/v1/purchases", buy | {"price": "2"}, Idempotency_Key=user).status == 409
    made = send(platform, "/v1/products", {"name": "Brass lamp", "price": "39.90"})
    assert made.status == 201, made.data
    path = f"/v1/products/{made.json()['id']}"
    told = send(platform, f"{path}/reviews", {"userid": user, "firstName": "Ada", "rating": 5})
    assert told.status == 201, told.data
    for each in (path, f"/v1/users/{user}/purchases", "/campaign-events/live", "/v1/ops/snapshot", "/none"):
        platform.request("GET", each)


def send(platform: Platform, path: str, body: object, **headers: str) -> urllib3.BaseHTTPResponse:
    named = {"Prefer": "wait=5"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return platform.request("POST", path, body=json.dumps(body), headers=named)


def empty(ask: Ask) -> list[str]:
    """The queries of panels that have something to show, and show nothing."""
    found = []
    for dashboards in files.DASHBOARDS.values():
        for dashboard in dashboards:
            for panel in dashboard.panels():
                for query in panel.queries:
                    answer = ask("query", query=expressions.plain(query.expr))["result"]
                    if not answer and not panel.quiet:
                        found.append(f"{dashboard.uid}: {panel.title}: {query.expr}")
    return found


def test_every_panel_has_something_to_show(platform: Platform, ask: Ask, until: Callable[..., None]) -> None:
    def shown() -> bool:
        shop(platform)
        return not empty(ask)

    try:
        until(shown, "every panel shows something", 45)
    except AssertionError:
        assert empty(ask) == []
        raise


def test_every_alert_is_evaluated_and_a_platform_that_is_well_fires_none_that_is_critical(ask: Ask) -> None:
    rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
    assert sorted(rule["name"] for rule in rules) == sorted(alert.name for alert in alerts.every())
    assert {(rule["health"], rule.get("lastError", "")) for rule in rules} <= {("ok", ""), ("unknown", "")}
    firing = {rule["name"] for rule in rules if rule["state"] == "firing" and rule["labels"]["severity"] == "critical"}
    assert firing == set()


def test_labels_of_the_operator_are_those_of_the_resource(ask: Ask) -> None:
    [told] = ask("query", query="shop_operator_consumer_replicas")["result"]
    assert (told["metric"]["namespace"], told["metric"]["name"]) == ("shop", "purchases")
