"""A load by wrk, which costs less beside what it measures than a generator in Python, and the processor time that the
servers take meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

BUY = Path(__file__).parent / "peers" / "buy.lua"
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """Requests answered a second, their median and 99th percentile (ms), those not answered 2xx, and the milliseconds
    of processor time that the server's processes took for 1,000 requests."""

    rate: float
    p50: float
    p99: float
    bad: int
    cpu: float


def buy(url: str, connections: int, seconds: int, pid: int) -> Measured:
    """Load `url`, on loopback, with purchases; `pid` is the first process of what answers."""
    if not url.startswith("http://127.0.0.1:"):
        raise ValueError("the load goes to loopback only")
    before = processor_seconds(pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(BUY), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return read(told, processor_seconds(pid) - before)


def read(told: str, processor: float) -> Measured:
    """What wrk printed, beside the seconds of processor time."""
    count = int(_found(r"(\d+) requests in", told))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", told))
    return Measured(
        float(_found(r"Requests/sec:\s+([\d.]+)", told)),
        _milliseconds(_found(r"^ +50% +(\S+)", told)),
        _milliseconds(_found(r"^ +99% +(\S+)", told)),
        (int(refused[1]) if refused else 0) + broken,
        1e6 * processor / max(1, count),
    )


def processor_seconds(pid: int) -> float:
    """Of a process and all below it, so far."""
    total = 0.0
    for each in _tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


def _tree(pid: int) -> list[int]:
    children = (line for task in Path(f"/proc/{pid}/task").glob("*/children") for line in task.read_text().split())
    return [pid, *(deeper for child in children for deeper in _tree(int(child)))]


def _milliseconds(shown: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", shown).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def _found(pattern: str, told: str) -> str:
    matched = re.search(pattern, told, re.MULTILINE)
    if matched is None:
        raise ValueError(f"wrk did not tell {pattern}:\n{told}")
    return matched[1]
