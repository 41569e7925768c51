"""docs/reference says what the code says: generated pages are fresh, those written by hand complete and not ahead."""

from __future__ import annotations

import re
from pathlib import Path

from cm_server.api_docs.openapi import document
from shop_core.http import problems
from shop_core.http.worker import bad_requests
from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
LOGGED = re.compile(r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"([a-z_]+)\"")
METRIC = re.compile(r"\"(shop_[a-z_]+)\"")
CONDITION = re.compile(r"\bcondition\(\s*\"([A-Z][A-Za-z]+)\"")


def sources(pattern: str = "*/src/**/*.py") -> str:
    return "\n".join(path.read_text() for path in ROOT.glob(pattern))


def named(page: str, pattern: str, heading: str = "") -> set[str]:
    """What the first cells of a page's tables name, below `heading` where one is given."""
    text = (REFERENCE / page).read_text()
    if heading:
        text = re.split(r"^## ", text.partition(f"## {heading}\n")[2], maxsplit=1, flags=re.M)[0]
    cells = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(f"`({pattern})`", cell)}


def test_the_tables_of_settings_are_fresh() -> None:
    table = script("settings_table")
    for page, only in table.PAGES.items():
        text = page.read_text()
        assert table.filled(text, only) == text, "run `.venv/bin/python scripts/settings_table.py`"
    assert table.KNOWN.read_text() == table.known(), "run `make generate`"


def test_the_generated_pages_are_fresh() -> None:
    for page, text in script("reference").pages().items():
        assert page.read_text() == text, f"{page.name}: run `.venv/bin/python scripts/reference.py`"


def test_every_log_event_and_every_metric_is_explained_and_no_other() -> None:
    code = sources()
    metrics = ("core/src/shop_core/telemetry/metrics.py", "operator/src/shop_operator/metrics.py")
    wanted = {
        "log-events.md": set(LOGGED.findall(code)),
        "metrics.md": {name for path in metrics for name in METRIC.findall((ROOT / path).read_text())},
    }
    quoted = set(re.findall(r"\"([a-z_]+)\"", code))
    assert "rejected" in wanted["log-events.md"] and "shop_produce_total" in wanted["metrics.md"]
    for page, names in wanted.items():
        explained = named(page, "[a-z_]+")
        assert names <= explained, f"{page} lacks {sorted(names - explained)}"
        assert explained <= quoted, f"{page} has {sorted(explained - quoted)}, which no code says"


def test_every_condition_is_explained_and_none_that_is_not_there() -> None:
    code = sources("operator/src/**/*.py")
    made, quoted = set(CONDITION.findall(code)), set(re.findall(r"\"([A-Z][A-Za-z]+)\"", code))
    conditions, events = (named("operator.md", "[A-Z][A-Za-z]+", heading) for heading in ("Conditions", "Events"))
    assert "Ready" in made and "Scaled" in events
    assert made <= conditions, f"lacking: {sorted(made - conditions)}"
    assert conditions | events <= quoted, f"no code says {sorted((conditions | events) - quoted)}"


def test_every_status_of_a_problem_is_explained_and_no_other() -> None:
    described = {
        int(status)
        for methods in document(secured=True, limited=True)["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "400"
    }
    elsewhere = {405, 500, *problems.SENTENCES, *bad_requests._STATUS.values()}
    explained = re.findall(r"^\| (\d{3}) \|", (REFERENCE / "problems.md").read_text(), re.M)
    assert sorted(map(int, explained)) == sorted(described | elsewhere)
