"""Each alert by `promtool test rules`: it fires by what it is about, with its labels and summary, and not without."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_monitoring import alerts
from shop_monitoring.alert import Alert
from shop_monitoring.cases import CASES, Case, Series

ROOT = Path(__file__).resolve().parents[2]
RULES = [str(ROOT / "charts" / chart / "files/alerts.yaml") for chart in alerts.GROUPS]


def run(promtool: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(promtool), *words], capture_output=True, text=True, check=False, timeout=60)


def told(alert: Alert, case: Case) -> dict[str, Any]:
    """What is expected of it."""
    rule = alert.rule()
    return {
        "exp_labels": rule["labels"] | case.labels,
        "exp_annotations": rule["annotations"] | {"summary": case.summary},
    }


def one(alert: Alert, series: Series, expected: list[Any]) -> dict[str, Any]:
    """In promtool's words; a certificate's alert waits an hour."""
    at = "90m" if alert.after == "1h" else "30m"
    return {
        "interval": "1m",
        "name": alert.name,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": at, "alertname": alert.name, "exp_alerts": expected}],
    }


def test_each_alert_has_a_case() -> None:
    assert set(CASES) == {alert.name for alert in alerts.every()}


def test_the_files_are_rules(promtool: Path) -> None:
    done = run(promtool, "check", "rules", *RULES)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def judged(promtool: Path, folder: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    file = folder / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": RULES, "evaluation_interval": "1m", "tests": tests}))
    return run(promtool, "test", "rules", str(file))


def test_each_fires_by_its_cause_and_not_without_it(promtool: Path, tmp_path: Path) -> None:
    every = [(alert, CASES[alert.name]) for alert in alerts.every()]
    firing = [one(alert, case.fires, [told(alert, case)]) for alert, case in every]
    calm = [one(alert, case.calm, []) for alert, case in every]
    done = judged(promtool, tmp_path, firing + calm)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("change", ["labels", "summary", "silence"])
def test_a_wrong_case_would_be_found(promtool: Path, tmp_path: Path, change: str) -> None:
    alert, case = alerts.every()[0], CASES["ShopEventsGone"]
    wrong = {
        "labels": [told(alert, Case(case.fires, {}, case.summary, {"topic": "t"}))],
        "summary": [told(alert, Case(case.fires, {}, "7 events", case.labels))],
        "silence": [],
    }[change]
    done = judged(promtool, tmp_path, [one(alert, case.fires, wrong)])
    assert done.returncode != 0 and "ShopEventsGone" in done.stdout + done.stderr
