"""Run by path, as `python die_with_parent.py PARENT COMMAND…`: becomes COMMAND, tied to the life of its parent.

The kernel sends SIGTERM to COMMAND when PARENT dies, even by kill -9, so no process is ever left behind.
Linux ties this to the *thread* that started the process: only the supervisor's main thread may start one.
Elsewhere than on Linux it does nothing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Tie this process to its parent and become the command."""
    parent, command = int(argv[1]), argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # A parent that died before the line above can't signal any more.
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv)
