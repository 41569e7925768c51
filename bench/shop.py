"""The platform that a bench measures: its own, on shifted ports."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OFFSET = 300
PREFIX = "/scalable-shop-cm-server"
BASE = f"http://127.0.0.1:{8080 + OFFSET}{PREFIX}"
SHOPCTL = [str(Path(sys.executable).parent / "shopctl")]


@contextmanager
def shop(*, consumers: bool = True) -> Iterator[dict[str, Any]]:
    """A platform thrown away at the end; of consumers those whose domain is not drained
    by the bench itself, or none."""
    with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder:
        chosen = ["--state-dir", folder]
        # What is drained is drained by consumers that the bench starts itself.
        without = ("purchases", "catalog") if consumers else ("purchases", "catalog", "campaigns", "analytics")
        alone = [word for domain in without for word in ("--consumers", f"{domain}=0")]
        subprocess.run([*SHOPCTL, "up", "--detach", "--fresh", "--offset", str(OFFSET), *alone, *chosen], check=True)
        try:
            answer = subprocess.run([*SHOPCTL, "status", "--json", *chosen], check=True, capture_output=True)
            yield json.loads(answer.stdout)
        finally:
            subprocess.run([*SHOPCTL, "down", *chosen], check=True)
