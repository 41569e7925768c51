"""`shopctl verify` and `shopctl rebuild`: are the read models what the facts give, and make them anew from the log.

The work is cm-api's, which alone knows its collections; here it is started, as a program beside this one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from shopctl.target import add_target, target_of

VERIFIERS = {"ratings": "cm_api.domains.catalog.verify"}


def register(commands: Any) -> None:
    """Add `verify` and `rebuild` to the command line."""
    verify = commands.add_parser("verify", help="recount what is kept incrementally, and compare")
    verify.add_argument("what", choices=sorted(VERIFIERS))
    verify.set_defaults(run=lambda options: _run(options, VERIFIERS[options.what]))
    rebuild = commands.add_parser("rebuild", help="make read models anew from their topic, compare, and swap them in")
    rebuild.add_argument(
        "domain", metavar="DOMAIN", help="one that is kept in generations; any other is refused with their names"
    )
    rebuild.add_argument("--check", action="store_true", help="compare only, change nothing")
    rebuild.add_argument("--repair", action="store_true", help="swap even where the rebuilt ones differ")
    for parser in (verify, rebuild):
        add_target(parser)
    rebuild.set_defaults(run=_rebuild)


def _rebuild(options: argparse.Namespace) -> int:
    flags = [f"--{name}" for name in ("check", "repair") if getattr(options, name)]
    return _run(options, "cm_api.pipeline.rebuild", options.domain, *flags)


def _run(options: argparse.Namespace, module: str, *words: str) -> int:
    """The program's exit code; its output is this program's."""
    target = target_of(options.state_dir)
    target.tell()
    sys.stdout.flush()
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, env=dict(target.environ), check=False).returncode
