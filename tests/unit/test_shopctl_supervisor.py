"""A part that comes back late is told as running all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shopctl.layout import HOST
from shopctl.processes import Part
from shopctl.supervisor import Supervisor

# Listens at once when it is first started, and later not before it may.
PROGRAM = """
import pathlib, socket, sys, time
port, started, may = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
while started.exists() and not may.exists():
    time.sleep(0.05)
started.touch()
with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        server.accept()[0].close()
"""


def test_a_part_that_is_ready_late_is_running(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    may, said = tmp_path / "may", list[str]()
    command = (sys.executable, "-I", "-c", PROGRAM, str(port), str(tmp_path / "started"), str(may))
    part = Part("late", command, port, tmp_path / "log", environ=dict(os.environ), ready_within=4.0)
    # In a thread of its own: the browser's tests, in the same process, leave a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            lambda: asyncio.run(killed_and_late(Supervisor(said.append, lambda: None), part, may, said))
        ).result()
    assert [line.partition(";")[0] for line in said[2:4]] == [
        "late runs again but is not ready after 4 s",
        "late is running again (restart 1)",
    ], said


async def killed_and_late(supervisor: Supervisor, part: Part, may: Path, said: list[str]) -> None:
    await supervisor.start(part)
    [first] = supervisor.snapshots
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    try:
        await until(lambda: any("not ready" in line for line in said))
        assert supervisor.snapshots[0].state == "starting"
        may.touch()
        await until(lambda: supervisor.snapshots[0].state == "running")
        await until(lambda: "running again" in said[-1])
    finally:
        await supervisor.stop([[part.name]])


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.05)
