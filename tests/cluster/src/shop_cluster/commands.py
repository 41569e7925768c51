"""Runs the commands of others, quietly: their output appears only in the error when they fail."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SHOWN_LINES = 25


class ClusterError(Exception):
    """Something that a person must see and can act on; the text says what."""


def run(
    *words: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None, cwd: Path | None = None
) -> str:
    """The command's output; a failure is a ClusterError with the last lines of what it said."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(command, env=env, input=stdin, cwd=cwd, text=True, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is missing: install it (scripts/bootstrap cluster, on Debian).") from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-SHOWN_LINES:])
        raise ClusterError(f"{' '.join(command[:6])} … failed with code {done.returncode}:\n{said}")
    return done.stdout


def tool(name: str) -> str:
    """The full path of a program: root's own folders are not on every path."""
    found = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise ClusterError(f"{name} is missing: install it (scripts/bootstrap cluster, on Debian).")
    return found
