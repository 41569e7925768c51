"""Starting a service or a command: configuration faults become one sentence, a server that is away is waited for, and a
WSGI app becomes a gunicorn process."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import NoReturn, TypeVar

from shop_core.errors import ConfigError, DatabaseFault, Unavailable

GRACE_SECONDS = 20
PAUSE_SECONDS = 1.0
T = TypeVar("T")
# Else glibc gives threads eight heaps a core, of which none uses what is free in another, and keeps large blocks that
# were freed in the middle of one: a crowd's bodies would stay with the process when they are gone.
MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "32768", "MALLOC_TRIM_THRESHOLD_": "65536"}
EXIT_UNAVAILABLE = 4  # where exit code 3 is a result: there is none, run it again


@contextmanager
def exit_with_message(outage: int = 3) -> Iterator[None]:
    """End with exit code 2 and one sentence on stderr for a `ConfigError`, `outage` for an `Unavailable` that
    stops it."""
    try:
        yield
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except (Unavailable, DatabaseFault) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(outage) from None


def retry_while_unavailable(act: Callable[[], T], seconds: float) -> T:
    """What `act` returns, tried again while it ends in an `Unavailable`, for so long; then the last `Unavailable`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def command(
    module: ModuleType, add_arguments: Callable[[argparse.ArgumentParser], None], argv: Sequence[str] | None
) -> int:
    """The exit code of `python -m`, for a module whose `run` takes the parsed arguments, as shopctl's commands do."""
    name = str(module.__spec__.name if module.__spec__ else module.__name__)
    parser = argparse.ArgumentParser(prog=name, description=(module.__doc__ or "").partition("\n")[0])
    add_arguments(parser)
    with exit_with_message():
        return int(module.run(parser.parse_args(argv)))


def gunicorn(app: str, *, host: str, port: int, workers: int, threads: int) -> NoReturn:
    """Replace this process by gunicorn serving `app`; metrics are summed over its workers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="shop-metrics-")
    for name, value in MALLOC.items():
        os.environ.setdefault(name, value)
    arguments = [
        "--bind", f"{host}:{port}", "--worker-class", "shop_core.http.worker.read_timeout_worker.ReadTimeoutWorker",
        "--workers", str(workers), "--threads", str(threads), "--graceful-timeout", str(GRACE_SECONDS),
        "--keep-alive", "75", "--config", "python:shop_core.http.gunicorn_hooks", app,
    ]  # fmt: skip
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])
