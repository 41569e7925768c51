"""What a platform tells other commands: a lock that only its supervisor holds, a file with its processes.

The lock answers "does it run?" even after a kill -9; the file alone never does."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shop_core.errors import ConfigError
from shopctl.layout import Layout, shown

PRIVATE = 0o700


@dataclass(frozen=True)
class ProcessState:
    """One process, or a server that was already there (`external`, no pid)."""

    name: str
    pid: int | None
    state: str
    address: str
    log: str | None
    restarts: int = 0


@dataclass(frozen=True)
class PlatformState:
    """A snapshot of the whole platform."""

    supervisor: int
    ready: bool
    url: str
    bootstrap: str
    processes: tuple[ProcessState, ...] = field(default=())


class StateDirectory:
    """The state directory of one platform, as its supervisor (after `acquire`) or as an onlooker."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._lock: int | None = None

    def make(self) -> None:
        """The directory itself. One that is made here is its owner's alone; one that was there stays as it is."""
        self.layout.state.parent.mkdir(parents=True, exist_ok=True)
        self.layout.state.mkdir(mode=PRIVATE, exist_ok=True)

    def acquire(self) -> None:
        """Become the one supervisor of this directory, or say who is."""
        self.make()
        descriptor = os.open(self.layout.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        if not _try_lock(descriptor):
            os.close(descriptor)
            where = shown(self.layout.state)
            raise ConfigError(
                f"A platform already runs in {where}: stop it by `shopctl down`, "
                "or give another --state-dir and --offset."
            )
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def supervisor(self) -> int | None:
        """The pid of the running supervisor, none when there is none."""
        try:
            descriptor = os.open(self.layout.lock_file, os.O_RDWR)
        except OSError:
            return None
        try:
            if _try_lock(descriptor):
                return None
            return int(os.pread(descriptor, 32, 0) or b"0") or None
        finally:
            os.close(descriptor)

    def write(self, state: PlatformState) -> None:
        """Replace the snapshot in one step, so that no reader sees half of one."""
        temporary = self.layout.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(state), indent=2))
        temporary.replace(self.layout.state_file)

    def read(self) -> PlatformState | None:
        """The last snapshot; it may be one of a platform that was killed since."""
        try:
            data: dict[str, Any] = json.loads(self.layout.state_file.read_text())
            processes = tuple(ProcessState(**process) for process in data.pop("processes"))
            return PlatformState(**data, processes=processes)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def wipe(self) -> None:
        """Forget data and logs; only what `up` has made itself is removed."""
        for folder in (self.layout.data, self.layout.logs, self.layout.run):
            shutil.rmtree(folder, ignore_errors=True)
        self.layout.state_file.unlink(missing_ok=True)

    def prepare(self) -> None:
        """The folders, kept out of version control wherever they are, and from other users of the machine: the data is
        who bought what."""
        for folder in (self.layout.data, self.layout.logs, self.layout.run):
            folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            folder.chmod(PRIVATE)  # one of an older release was open
        ignore = self.layout.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for log in self.layout.logs.glob("*.log"):
            rotate(log)


def rotate(log: Path, limit: int = 20 * 1024 * 1024) -> None:
    """Keep one older generation of a log that has grown past `limit` bytes."""
    if log.stat().st_size > limit:
        log.replace(log.with_suffix(".log.1"))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
