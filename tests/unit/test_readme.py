"""The pages say what the code says: the tables of settings, the events and metrics of docs/operations.md, the index of
decisions; and README stays short.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGGED = re.compile(r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"([a-z_]+)\"")
METRIC = re.compile(r"\"(shop_[a-z_]+)\"")


def test_the_tables_of_settings_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("settings_table", ROOT / "scripts" / "settings_table.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for page, only in script.PAGES.items():
        text = page.read_text()
        assert script.filled(text, only) == text, "run `make generate`"


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_index_of_decisions_names_each_with_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    titles = [path.read_text().partition("\n")[0].removeprefix("# ") for path in pages]
    rows = [f"| [{page.name[:4]}]({page.name}) | {title} |" for page, title in zip(pages, titles, strict=True)]
    assert [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| [")] == rows


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert pages and not broken


def test_operations_explains_every_log_event_and_every_metric() -> None:
    sources = [path.read_text() for path in ROOT.glob("*/src/**/*.py")]
    events = {name for text in sources for name in LOGGED.findall(text)}
    named = ("core/src/shop_core/telemetry/metrics.py", "operator/src/shop_operator/metrics.py")
    metrics = {name for path in named for name in METRIC.findall((ROOT / path).read_text())}
    pages = [(ROOT / "docs" / page).read_text() for page in ("operations.md", "operator.md")]
    explained = {name for page in pages for name in re.findall(r"`([a-z_]+)`", page)}
    assert "rejected" in events and "shop_produce_total" in metrics
    assert events | metrics <= explained, f"not explained: {sorted((events | metrics) - explained)}"
