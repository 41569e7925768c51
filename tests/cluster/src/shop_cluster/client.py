"""The commands that a user types at a cluster: kubectl and helm, with one kubeconfig."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shop_cluster.commands import run
from shop_cluster.waiting import PATIENCE, wait_until

ESTABLISHED_SECONDS = 30 * PATIENCE


@dataclass(frozen=True)
class Client:
    """`tools` holds the cluster's own kubectl and helm; those on the path stand in for what it lacks."""

    kubeconfig: Path
    tools: Path

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self._run("kubectl", *words, stdin=stdin)

    def helm(self, *words: str) -> str:
        return self._run("helm", *words)

    def get(self, *words: str) -> Any:
        """An object, or a list of them, as the API server tells it."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def apply(self, manifest: str | Mapping[str, Any]) -> None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        # Server-side: KEDA's definitions are too large for the annotation that a client-side apply makes.
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def define(self, *manifests: Path) -> None:
        """Apply definitions of CRDs, and wait until the API server serves each."""
        for path in manifests:
            self.apply(path.read_text())
            wait_until(partial(self._served, path), f"{path.name} is established", ESTABLISHED_SECONDS)

    def _served(self, manifest: Path) -> bool:
        # Not `kubectl wait`: it fails on a definition so new that it has no conditions yet.
        told = self.get("-f", str(manifest)).get("status", {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in told)

    def _run(self, name: str, *words: str, stdin: str | None = None) -> str:
        own = self.tools / name
        program = str(own) if own.exists() else shutil.which(name) or name
        return run(program, *words, stdin=stdin, env=os.environ | {"KUBECONFIG": str(self.kubeconfig)})
