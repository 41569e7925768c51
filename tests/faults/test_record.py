"""The fault record keeps every run, its table has the last one of each case, and the page shows that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shop_faults import record
from shop_faults.cases import CASES
from shop_security.scripts import script

RUN = record.Run("F3-broker", "killed", 5000, 0, 0, 0, 0, 0, 0, 4.25, 2.5, "2 cores", "abc", "2026-11-27")


def test_every_run_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    assert record.runs(file) == []
    runs = [RUN, replace(RUN, lost=1)]
    for run in runs:
        record.keep(run, file)
    assert record.runs(file) == runs


def test_the_table_has_the_last_run_of_each_case_by_number() -> None:
    runs = [replace(RUN, case="F18-broker"), RUN, replace(RUN, lost=1)]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in record.table(runs).splitlines()]
    assert [len(row) for row in rows] == [len(record.HEAD)] * 4
    assert [row[0] for row in rows[2:]] == ["F3-broker", "F18-broker"]
    assert rows[2][2:6] == ["5,000", "1", "0", "0"]


def test_each_case_of_the_record_is_there_and_named_once() -> None:
    names = [case.id for case in CASES]
    assert len(set(names)) == len(names)
    assert {run.case for run in record.runs()} <= set(names)


def test_the_page_shows_the_record() -> None:
    table = script("faults_table")
    text = table.PAGE.read_text()
    assert table.filled(text) == text, "run `.venv/bin/python scripts/faults_table.py`"
