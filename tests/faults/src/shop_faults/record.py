"""The fault record: what a run of a case came to, kept beside all earlier runs, and as the table of the docs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
FILE = ROOT / "tests" / "faults" / "record.json"
HEAD = (
    "case", "what was done", "events", "lost", "doubled", "ghost", "changed", "disordered", "wrong aggregates",
    "slowest answer, s", "recovery, s", "run",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run. `recovery` is from the end of the last fault until of each domain a command that was sent after it is
    stored."""

    case: str
    done: str
    events: int
    lost: int
    doubled: int
    ghost: int
    changed: int
    disordered: int
    wrong: int
    slowest: float
    recovery: float
    machine: str
    commit: str
    date: str


def machine() -> str:
    """`FAULTS_MACHINE` says what else there is to say of it."""
    own = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    return ", ".join(filter(None, (own, os.environ.get("FAULTS_MACHINE", ""))))


def commit() -> str:
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def runs(file: Path = FILE) -> list[Run]:
    """All that were kept, the oldest first."""
    return [Run(**each) for each in json.loads(file.read_text())] if file.exists() else []


def keep(run: Run, file: Path = FILE) -> None:
    every = [*runs(file), run]
    file.write_text(json.dumps([asdict(each) for each in every], indent=1) + "\n")


def table(every: Iterable[Run]) -> str:
    """The last run of each case, in the order of their numbers."""
    last = {run.case: run for run in every}
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for run in sorted(last.values(), key=lambda run: (_number(run.case), run.case)):
        faults = (run.lost, run.doubled, run.ghost, run.changed, run.disordered, run.wrong)
        where = f"{run.date}, {run.commit}, {run.machine}"
        cells = (run.case, run.done, f"{run.events:,}", *faults, f"{run.slowest:.1f}", f"{run.recovery:.1f}", where)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _number(case: str) -> int:
    return int(case.partition("-")[0].removeprefix("F"))
