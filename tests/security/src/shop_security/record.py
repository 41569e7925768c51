"""A pytest plugin: it writes down what marked tests came to, and shows the score at the end of a run.

Results of several runs on the same content add up, so that `make e2e` after `make test` shows all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

import pytest

from shop_security.checks import Result, score, shown
from shop_security.marked import marked_in

ROOT = Path(__file__).resolve().parents[4]
FILE = ROOT / ".shop" / "security.json"


class Recorder:
    """What each marked test function of this session came to."""

    def __init__(self) -> None:
        self._checks: dict[str, tuple[int, ...]] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._reasons: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        numbers = tuple(sorted({number for mark in item.iter_markers("security") for number in mark.args}))
        # A test that passed says so in its call; a fixture's failure or a skip comes before or after it.
        if numbers and (report.when == "call" or report.outcome != "passed"):
            name = item.nodeid.partition("[")[0]
            self._checks[name] = numbers
            self._counts.setdefault(name, Counter())[report.outcome] += 1
            if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
                self._reasons[name] = report.longrepr[2].removeprefix("Skipped: ")
        return report

    def results(self) -> dict[str, Result]:
        return {
            name: Result(checks, counts["passed"], counts["failed"], counts["skipped"], self._reasons.get(name, ""))
            for name, checks in self._checks.items()
            for counts in [self._counts[name]]
        }

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        mine = self.results()
        if not mine:
            return
        at = content(ROOT)
        every = known(at) | mine
        keep(at, every)
        lines = score(every, marked_in(ROOT))
        terminalreporter.section("security")
        for text in shown(lines):
            terminalreporter.write_line(text)
        states = Counter(line.state for line in lines)
        terminalreporter.write_line(", ".join(f"{number} {state}" for state, number in states.items()))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder(), "shop_security")


def content(folder: Path) -> str:
    """git's name for all files of a working tree, new and changed ones too: what was not committed was not seen to
    pass before. Empty outside of a repository, where nothing adds up."""
    own = _git(folder, "rev-parse", "--path-format=absolute", "--git-path", "index")
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch) / "index"
        if own and Path(own).exists():
            shutil.copy2(own, index)  # with it git reads changed files only
        _git(folder, "add", "--all", index=index)
        return _git(folder, "write-tree", index=index) if own else ""


def _git(folder: Path, *words: str, index: Path | None = None) -> str:
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)} if index else None
    told = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, env=environment, check=False)
    return told.stdout.strip() if told.returncode == 0 else ""


def known(at: str) -> dict[str, Result]:
    """The results of earlier runs on this content."""
    try:
        kept = json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {}
    if not at or kept.get("content") != at:
        return {}
    return {name: Result(**result | {"checks": tuple(result["checks"])}) for name, result in kept["results"].items()}


def keep(at: str, results: dict[str, Result]) -> None:
    FILE.parent.mkdir(exist_ok=True)
    kept = {"content": at, "results": {name: asdict(result) for name, result in results.items()}}
    FILE.write_text(json.dumps(kept, indent=1))
