"""`shopctl logs`: the end of a process' log, and with --follow each line that comes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from shop_core.errors import ConfigError
from shopctl.layout import layout_of, shown
from shopctl.terminal import shown as printable

LOOK_EVERY = 0.2


def run(options: argparse.Namespace) -> int:
    """Print it; what strangers may have put into a log is escaped."""
    layout = layout_of(options.state_dir)
    names = sorted(path.stem for path in layout.logs.glob("*.log"))
    if options.name not in names:
        known = f"there are {', '.join(names)}" if names else "nothing was started there yet"
        raise ConfigError(f"No log of {options.name!r} in {shown(layout.logs)}: {known}.")
    path = layout.log_of(options.name)
    with path.open("rb") as log:
        for line in deque(log, maxlen=max(0, options.lines)):
            show(line)
        read = log.tell()
    if options.follow:
        for line in follow(path, read):
            show(line)
    return 0


def show(line: bytes) -> None:
    print(printable(line.rstrip(b"\r\n")))
    sys.stdout.flush()


def follow(path: Path, offset: int) -> Generator[bytes]:
    """Each whole line behind `offset`; then those of a log that takes its place (`up --fresh`)."""
    while True:
        with path.open("rb") as log:
            log.seek(offset)
            yield from _lines(path, log)
        offset = 0


def _lines(path: Path, log: BinaryIO) -> Generator[bytes]:
    """Each whole line, until another file has the path."""
    part = b""
    while True:
        while chunk := log.readline():
            part += chunk
            if part.endswith(b"\n"):
                yield part
                part = b""
        if path.exists() and not os.path.samestat(path.stat(), os.fstat(log.fileno())):
            return
        time.sleep(LOOK_EVERY)  # a file tells nobody that it has grown
