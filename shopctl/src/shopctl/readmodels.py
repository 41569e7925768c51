"""`shopctl verify ratings` and `shopctl rebuild`: recount what is kept added up; make read models anew from the log.

The work is cm-api's, which alone knows its collections; here it is started, as a program beside this one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from shopctl.target import target_of


def verify_ratings(options: argparse.Namespace) -> int:
    """Recount; the program's exit code."""
    return _run(options, "cm_api.domains.catalog.verify")


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild, check or repair; the program's exit code."""
    flags = [f"--{name}" for name in ("check", "repair") if getattr(options, name)]
    return _run(options, "cm_api.pipeline.rebuild", options.domain, *flags)


def _run(options: argparse.Namespace, module: str, *words: str) -> int:
    """The program's exit code; its output is this program's."""
    target = target_of(options.state_dir)
    target.tell()
    sys.stdout.flush()
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, env=dict(target.environ), check=False).returncode
