"""Runs the parts: starts each, waits until it is ready, starts it again when it dies, stops all in order.

Only the main thread may start processes (see die_with_parent.py), so this is asyncio, without threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shop_core.errors import ShopError
from shopctl import die_with_parent, probes
from shopctl.layout import HOST, shown
from shopctl.processes import Part
from shopctl.report import cause_in, ending
from shopctl.restarts import Backoff
from shopctl.state import ProcessState

_POLL = 0.1


class StartFailure(ShopError):
    """A start that can't go on; the message is one sentence that says what to do or where to look."""


@dataclass
class Child:
    """A part and the process that runs it now."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    state: str = "starting"
    restarts: int = 0
    log_start: int = 0
    backoff: Backoff = field(default_factory=Backoff)
    watcher: asyncio.Task[None] | None = None

    @property
    def snapshot(self) -> ProcessState:
        alive = self.process is not None and self.process.returncode is None
        pid = self.process.pid if self.process is not None and alive else None
        return ProcessState(self.part.name, pid, self.state, self.part.address, str(self.part.log), self.restarts)


class Supervisor:
    """Keeps the parts alive. `say` prints a line; `changed` is called when a process changes its state."""

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._children: dict[str, Child] = {}
        self.hurry = False

    @property
    def snapshots(self) -> tuple[ProcessState, ...]:
        return tuple(child.snapshot for child in self._children.values())

    async def start(self, part: Part) -> None:
        """Start `part` and return when it is ready; `StartFailure` when it dies or takes too long."""
        child = Child(part)
        self._children[part.name] = child
        began = time.monotonic()
        self._spawn(child)
        where = shown(part.log)
        if not await self._until_ready(child):
            code = child.process.poll() if child.process else None
            cause = cause_in(part.log, child.log_start)
            if code is None:
                raise StartFailure(f"{part.name} is not ready after {part.ready_within:.0f} s, see {where}: {cause}.")
            raise StartFailure(f"{part.name} stopped at its start ({ending(code)}), see {where}: {cause}.")
        self._say(f"{part.name} is ready on {part.address} (took {time.monotonic() - began:.1f} s)")
        child.watcher = asyncio.create_task(self._watch(child))

    async def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop every process: the groups in `order` one after the other, those of one group at once."""
        for names in order:
            group = [self._children[name] for name in names if name in self._children]
            await asyncio.gather(*(self._stop_one(child) for child in group))

    def _spawn(self, child: Child) -> None:
        child.log_start = child.part.log.stat().st_size if child.part.log.exists() else 0
        child.process = spawn(child.part.command, child.part.environ, child.part.log)
        self._set(child, "starting")

    async def _until_ready(self, child: Child) -> bool:
        """True once the part answers, False when its process ended or the time is over."""
        deadline = time.monotonic() + child.part.ready_within
        while time.monotonic() < deadline:
            if child.process is None or child.process.poll() is not None:
                return False
            if await _is_ready(child.part) and child.process.poll() is None:
                self._set(child, "running")
                return True
            await asyncio.sleep(_POLL)
        return False

    async def _watch(self, child: Child) -> None:
        """Start the part again whenever it dies, ever later if it goes on dying."""
        while True:
            began = time.monotonic()
            code = await self._until_ended(child)
            _kill_group(child.process)
            delay = child.backoff.delay_after(time.monotonic() - began)
            child.restarts += 1
            self._set(child, "restarting")
            name, log = child.part.name, shown(child.part.log)
            self._say(f"{name} died ({ending(code)}), starting it again in {delay:g} s; its log is {log}")
            await asyncio.sleep(delay)
            self._spawn(child)
            await self._until_running(child)

    async def _until_running(self, child: Child) -> None:
        """However late it is ready; or until it has died again."""
        name, told = child.part.name, False
        while not await self._until_ready(child):
            if child.process is None or child.process.poll() is not None:
                return
            if not told:
                within, log = child.part.ready_within, shown(child.part.log)
                self._say(f"{name} runs again but is not ready after {within:.0f} s; see {log}")
                told = True
        self._say(f"{name} is running again (restart {child.restarts})")

    async def _until_ended(self, child: Child) -> int:
        while child.process is not None and (code := child.process.poll()) is None:
            await asyncio.sleep(_POLL)
        return code if child.process is not None and code is not None else 0

    async def _stop_one(self, child: Child) -> None:
        if child.watcher is not None:
            child.watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await child.watcher
        process = child.process
        if process is not None and process.poll() is None:
            self._set(child, "stopping")
            began = time.monotonic()
            process.terminate()
            while process.poll() is None and not self.hurry and time.monotonic() - began < child.part.grace:
                await asyncio.sleep(_POLL / 2)
            late = process.poll() is None
            _kill_group(process)
            process.wait()
            how = "had to be killed" if late else "stopped"
            self._say(f"{child.part.name} {how} (took {time.monotonic() - began:.1f} s)")
        _kill_group(process)
        self._set(child, "stopped")

    def _set(self, child: Child, state: str) -> None:
        child.state = state
        self._changed()


async def run_to_end(command: Sequence[str], environ: Mapping[str, str], log: Path) -> str | None:
    """Run a step of the start; none when it went well, otherwise the cause of its failure."""
    start = log.stat().st_size if log.exists() else 0
    process = spawn(command, environ, log)
    try:
        while (code := process.poll()) is None:
            await asyncio.sleep(_POLL / 2)
    finally:
        _kill_group(process)
        process.wait()
    return None if code == 0 else cause_in(log, start)


def spawn(command: Sequence[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """`command` in its own session (Ctrl-C does not reach it), tied to this process, logging to `log`."""
    tied = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), *command)
    with log.open("ab") as output:
        return subprocess.Popen(
            tied,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=log.parent,
            start_new_session=True,
        )


async def _is_ready(part: Part) -> bool:
    if part.path is None:
        return await probes.listens(HOST, part.port)
    return await probes.answers(HOST, part.port, part.path)


def _kill_group(process: subprocess.Popen[bytes] | None) -> None:
    """What a process leaves behind (gunicorn's workers after a kill -9) goes with it."""
    if process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
