"""The pages say what the code says: README's table of settings, the events and metrics of docs/operations.md."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGGED = re.compile(r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"([a-z_]+)\"")
METRIC = re.compile(r"\"(shop_[a-z_]+)\"")


def test_the_table_of_settings_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("settings_table", ROOT / "scripts" / "settings_table.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = (ROOT / "README.md").read_text()
    assert script.filled(text) == text, "run `.venv/bin/python scripts/settings_table.py`"


def test_operations_explains_every_log_event_and_every_metric() -> None:
    sources = [path.read_text() for path in ROOT.glob("*/src/**/*.py")]
    events = {name for text in sources for name in LOGGED.findall(text)}
    named = ("core/src/shop_core/telemetry/metrics.py", "operator/src/shop_operator/metrics.py")
    metrics = {name for path in named for name in METRIC.findall((ROOT / path).read_text())}
    pages = [(ROOT / "docs" / page).read_text() for page in ("operations.md", "operator.md")]
    explained = {name for page in pages for name in re.findall(r"`([a-z_]+)`", page)}
    assert "rejected" in events and "shop_produce_total" in metrics
    assert events | metrics <= explained, f"not explained: {sorted((events | metrics) - explained)}"
