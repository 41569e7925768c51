"""The shop as a team has it: installed by Helm into a namespace that enforces Pod Security `restricted`, reached
through the ingress."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from shop_cluster.client import Client
from shop_cluster.places import ROOT

PREFIX = "/scalable-shop-cm-server"
CHART = ROOT / "charts" / "scalable-shop"
VALUES = ROOT / "tests" / "cluster" / "values.yaml"


@dataclass
class InstalledShop:
    """One release; `address` is where the ingress listens, `host` the name that it knows the shop by."""

    client: Client
    namespace: str = "shop"
    name: str = "shop"
    host: str = "shop.localtest.me"
    address: str = "127.0.0.1"
    values: Path = VALUES
    notes: str = ""
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, timeout=30))

    def install(self, *options: str) -> str:
        """What `helm install` prints once all is ready."""
        self.client.kubectl("create", "namespace", self.namespace)
        self.client.kubectl(
            "label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted", "--overwrite"
        )
        return self.helm("install", self.name, str(CHART), "-f", str(self.values), "--wait", "--timeout=10m", *options)

    def upgrade(self, *options: str) -> str:
        words = ("--reuse-values", "--wait", "--timeout=10m")
        return self.helm("upgrade", self.name, str(CHART), *words, *options)

    def helm(self, *words: str) -> str:
        return self.client.helm(*words, "-n", self.namespace)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.client.kubectl("-n", self.namespace, *words, stdin=stdin)

    def get(self, *words: str) -> Any:
        """An object of the namespace, or a list of them."""
        return self.client.get("-n", self.namespace, *words)

    def apply(self, manifest: Mapping[str, Any]) -> None:
        self.client.apply(manifest)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """A request below the shop's prefix through the ingress, without retries."""
        sent = {"Host": self.host, "Content-Type": "application/json"} | dict(headers or {})
        url = f"http://{self.address}{PREFIX}{path}"
        return self._http.request(method, url, body=body, headers=sent, retries=False)

    def curl(self, *words: str) -> str:
        """What curl prints; it finds the host at the ingress without asking any name server."""
        known = [word for port in (80, 443) for word in ("--resolve", f"{self.host}:{port}:{self.address}")]
        done = subprocess.run(["curl", "-sS", "--fail-with-body", *known, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
