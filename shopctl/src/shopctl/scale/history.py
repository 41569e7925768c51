"""The recorded history of a group: CSV with a header, or one JSON object a line.

Fields: `time` (seconds, or ISO 8601), `end` (the sum of the partitions' log ends); and, where known, `committed` (the
sum of the committed offsets) and `pods` (that read), which show the speed of a pod and the lag at the start.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shop_core.errors import ConfigError
from shop_runtime.scaling.group_state import Observation, Partition
from shop_runtime.scaling.speed import Speed

HEADER = "time,end,committed,pods"
MOST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Row:
    """What was seen at one time."""

    time: float
    end: int
    committed: int | None = None
    pods: int | None = None

    @property
    def line(self) -> str:
        return f"{self.time},{self.end},{self.committed},{self.pods}"


def read(path: Path) -> list[Row]:
    """The rows of a file in order of time, from 0; what is wrong is named by its line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The history {path} can't be read: {error}") from error
    rows = [_row(fields, f"{path}:{number}") for number, fields in _fields(lines, path)]
    for number, (row, after) in enumerate(itertools.pairwise(rows), 2):
        if after.time < row.time or after.end < row.end:
            raise ConfigError(
                f"{path}: row {number} goes back: time and end only grow (a topic made anew ends a history)."
            )
    if len(rows) < 2 or rows[-1].time - rows[0].time < 1:
        raise ConfigError(f"{path} has no two rows a second or more apart: a history needs them.")
    if rows[-1].time - rows[0].time > MOST_SECONDS:
        raise ConfigError(f"{path} is longer than 7 days: cut it.")
    return [Row(row.time - rows[0].time, row.end, row.committed, row.pods) for row in rows]


def arrivals(rows: list[Row]) -> list[float]:
    """Events that came in each second, even between two rows."""
    seconds = math.floor(rows[-1].time)
    ends, index = [], 0
    for second in range(seconds + 1):
        while rows[index + 1].time < second:
            index += 1
        row, after = rows[index], rows[index + 1]
        share = (second - row.time) / (after.time - row.time) if after.time > row.time else 1.0
        ends.append(row.end + share * (after.end - row.end))
    return [after - before for before, after in itertools.pairwise(ends)]


def rate_per_pod(rows: list[Row]) -> float | None:
    """As the operator measures it; None where the history doesn't show it."""
    speed = Speed()
    for row in rows:
        if row.committed is not None and row.pods is not None:
            speed.observe(row.time, Observation((Partition(0, 0, row.end, row.committed),), row.pods), row.pods)
    return speed.per_pod


def _fields(lines: list[str], path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    if lines and lines[0].lstrip().startswith("{"):
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, _json(line, f"{path}:{number}")
    else:
        yield from enumerate(csv.DictReader(lines), 2)


def _json(line: str, place: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{place} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{place} is no JSON object.")
    return found


def _row(fields: dict[str, object], place: str) -> Row:
    wrong = []
    time, end = _moment(fields.get("time")), _count(fields.get("end"))
    committed, pods = _count(fields.get("committed")), _count(fields.get("pods"))
    if time is None:
        wrong.append("time (seconds or ISO 8601)")
    if end is None:
        wrong.append("end (a whole number)")
    wrong += [
        f"{name} (a whole number or nothing)"
        for name, value in (("committed", committed), ("pods", pods))
        if value is None and fields.get(name) not in (None, "")
    ]
    if wrong or time is None or end is None:
        raise ConfigError(f"{place}: what is missing or wrong: {', '.join(wrong)}.")
    return Row(time, end, committed, pods)


def _moment(value: object) -> float | None:
    try:
        number = float(str(value))
        return number if math.isfinite(number) else None
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return None


def _count(value: object) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number >= 0 else None


def known(rows: Iterable[Row]) -> list[tuple[float, int]]:
    """The pods that there were, by time."""
    return [(row.time, row.pods) for row in rows if row.pods is not None]
