"""Resident memory of a service, with its workers."""

from __future__ import annotations

from pathlib import Path


def resident(pid: int) -> float:
    """Proportional resident memory (MiB) of a process and its children: shared pages count once."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in [str(pid), *children]:
        rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return round(total / 1024, 1)
