"""What a process of the platform costs while something is wrong: its memory and its share of a core."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shop_arrivals.shop import Platform

MIB = 1024 * 1024
SAMPLE_SECONDS = 0.2


@dataclass
class Cost:
    """The largest memory seen (MiB, resident), and the processor time as a share of one core."""

    memory: float = 0.0
    cpu: float = 0.0


@dataclass
class Watch:
    """Costs by name; complete when the block has ended."""

    costs: dict[str, Cost] = field(default_factory=dict)

    def above(self, *, memory: float, cpu: float) -> dict[str, Cost]:
        return {name: cost for name, cost in self.costs.items() if cost.memory > memory or cost.cpu > cpu}


@contextmanager
def watched(platform: Platform, names: Sequence[str]) -> Iterator[Watch]:
    """Look at these processes while the block lasts."""
    pids = {name: platform.processes()[name].pid for name in names}
    watch = Watch({name: Cost() for name in names})
    done = threading.Event()

    def sample() -> None:
        for name, pid in pids.items():
            watch.costs[name].memory = max(watch.costs[name].memory, resident(pid))

    def keep_sampling() -> None:
        while not done.wait(SAMPLE_SECONDS):
            sample()

    sample()
    sampler = threading.Thread(target=keep_sampling)
    before, started = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    sampler.start()
    try:
        yield watch
    finally:
        done.set()
        sampler.join()
    lasted = time.monotonic() - started
    for name, pid in pids.items():
        watch.costs[name].cpu = (cpu_seconds(pid) - before[name]) / lasted


@contextmanager
def frozen(platform: Platform, name: str) -> Iterator[None]:
    """The process stands still while the block lasts."""
    platform.signal(name, signal.SIGSTOP)
    try:
        yield
    finally:
        platform.signal(name, signal.SIGCONT)


def resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def cpu_seconds(pid: int) -> float:
    """User and system time so far; the name in the file may hold spaces, but no further bracket."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
