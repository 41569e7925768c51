"""`shopctl up --detach`: the same supervisor in the background, shown until it is ready or has failed."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import BinaryIO

from shopctl.options import Options
from shopctl.state import StateDirectory

MARK = "SHOPCTL_DETACHED"
LOG = "supervisor"


def start(arguments: argparse.Namespace, options: Options) -> int:
    """Start the supervisor in a session of its own; 0 when it is ready, its exit code when it gave up."""
    state = StateDirectory(options.layout)
    if state.supervisor() is not None:
        # Says who runs, exactly as it would without --detach.
        state.acquire()
    state.make()
    # Not among the logs: --fresh would remove it under the supervisor's feet.
    log = options.layout.state / f"{LOG}.log"
    log.unlink(missing_ok=True)  # one of an older release was open to others
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "shopctl.main", *_arguments(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: "1"},
            start_new_session=True,
        )
    with log.open("rb") as lines:
        try:
            return _follow(child, lines, state)
        except KeyboardInterrupt:
            child.send_signal(signal.SIGTERM)
            child.wait()
            _show(lines)
            return 130


def _follow(child: subprocess.Popen[bytes], lines: BinaryIO, state: StateDirectory) -> int:
    while True:
        ended = child.poll()
        snapshot = state.read()
        ready = snapshot is not None and snapshot.supervisor == child.pid and snapshot.ready
        if ready:
            # The addresses are printed right after the state is written.
            time.sleep(0.2)
        _show(lines)
        if ready and ended is None:
            # It goes on without this process: nothing is left here that would wait for it.
            child.returncode = 0
            return 0
        if ended is not None:
            return ended or 1
        time.sleep(0.1)


def _arguments(arguments: argparse.Namespace) -> list[str]:
    """The command line of the supervisor: the same as this one's, without --detach."""
    words = ["up", "--offset", str(arguments.offset)]
    if arguments.state_dir:
        words += ["--state-dir", str(arguments.state_dir)]
    if arguments.port:
        words += ["--port", str(arguments.port)]
    if arguments.fresh:
        words.append("--fresh")
    if arguments.cache:
        words.append("--cache")
    for text in arguments.consumers:
        words += ["--consumers", text]
    return words


def _show(lines: BinaryIO) -> None:
    sys.stdout.write(lines.read().decode(errors="replace"))
    sys.stdout.flush()
