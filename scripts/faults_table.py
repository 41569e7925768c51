"""Writes the table of docs/reference/faults.md, between its two markers, from the runs in tests/faults/record.json."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "faults.md"
BEGIN, END = "<!-- faults: made by scripts/faults_table.py -->", "<!-- /faults -->"
sys.path.insert(0, str(ROOT / "tests" / "faults" / "src"))

from shop_faults import record  # noqa: E402


def filled(page: str) -> str:
    """`page` with the last run of each case in its table."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{record.table(record.runs())}\n{END}{after}"


def main() -> None:
    PAGE.write_text(filled(PAGE.read_text()))


if __name__ == "__main__":
    main()
