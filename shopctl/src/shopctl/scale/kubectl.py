"""Asks and tells a cluster by the kubectl that is there, with its configuration and its rights."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from typing import Any

from shop_core.errors import ConfigError, Unavailable

Manifest = dict[str, Any]
_SECONDS = 30


class Kubectl:
    """The kubectl of the context and namespace that a command was told."""

    def __init__(self, options: argparse.Namespace) -> None:
        told = [("--context", options.context), ("--namespace", options.namespace)]
        self._where = [f"{flag}={value}" for flag, value in told if value]

    def consumer(self, name: str) -> Manifest:
        """One ShopConsumer."""
        found: Manifest = json.loads(self.run("get", "shopconsumer", name, "--output=json"))
        return found

    def run(self, *words: str) -> str:
        """What it prints; what it says on stderr is the error."""
        if (program := shutil.which("kubectl")) is None:
            raise ConfigError("kubectl is not there: install it, and point it at the cluster.")
        try:
            done = subprocess.run(
                [program, *self._where, f"--request-timeout={_SECONDS}s", *words],
                capture_output=True, text=True, check=False, timeout=2 * _SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unavailable(f"kubectl {' '.join(words)} has not answered within {2 * _SECONDS} seconds.") from None
        if done.returncode != 0:
            # Its log comes first, and the sentence last.
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise Unavailable(f"kubectl {' '.join(words)}: {said[-1]}")
        return done.stdout
