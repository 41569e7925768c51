"""A release of the umbrella chart, and the way in to it: through the ingress, by its host name."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3

from shop_cluster.client import Client
from shop_cluster.places import ROOT
from shop_cluster.waiting import PATIENCE

CHART = ROOT / "charts" / "scalable-shop"
VALUES = ROOT / "tests" / "cluster" / "values.yaml"
PREFIX = "/scalable-shop-cm-server"
# Where the ingress of the cluster answers; the name of the host need not be known to any name server.
ADDRESS = os.environ.get("INGRESS_ADDRESS", "127.0.0.1")
HELM_PATIENCE = f"{360 * PATIENCE:.0f}s"


@dataclass(frozen=True)
class Installation:
    """One release in a namespace of its own, by the commands that a user types."""

    k8s: Client
    namespace: str
    name: str = "shop"
    host: str = "shop.localtest.me"
    chart: Path = CHART

    @property
    def url(self) -> str:
        return f"http://{self.host}{PREFIX}"

    @cached_property
    def key(self) -> str:
        """The admin's API key, read as NOTES say."""
        return self.secret("admin-key", "key")

    def secret(self, name: str, key: str) -> str:
        """What one of the release's Secrets holds."""
        found: str = self.get("secret", f"{self.name}-{name}")["data"][key]
        return base64.b64decode(found).decode()

    def prepare(self) -> None:
        """The namespace, restricted: for what has to be there before the release."""
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        head = {"name": self.namespace, "labels": restricted}
        self.k8s.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": head})

    def install(self, *words: str) -> str:
        """The command of README and contract, with the namespace made and restricted beforehand."""
        self.prepare()
        self.__dict__.pop("key", None)  # each install makes another
        return self._put("install", *words)

    def upgrade(self, *words: str) -> str:
        return self._put("upgrade", *words)

    def uninstall(self) -> str:
        return self.helm("uninstall", self.name, "--wait", "--timeout", HELM_PATIENCE)

    def _put(self, verb: str, *words: str) -> str:
        values = ("-f", str(VALUES), "--set", f"ingress.host={self.host}")
        return self.helm(verb, self.name, str(self.chart), *values, *words, "--wait", "--timeout", HELM_PATIENCE)

    def helm(self, *words: str) -> str:
        return self.k8s.helm(*words, "--namespace", self.namespace)

    def kubectl(self, *words: str) -> str:
        # First, as words behind -- are not kubectl's.
        return self.k8s.kubectl("--namespace", self.namespace, *words)

    def get(self, *words: str) -> Any:
        return self.k8s.get(*words, "--namespace", self.namespace)

    def pods(self, *words: str) -> list[dict[str, Any]]:
        """Those chosen by `words`, without those on their way out."""
        return [pod for pod in self.get("pods", *words)["items"] if "deletionTimestamp" not in pod["metadata"]]

    def metrics(self, pod: Mapping[str, Any]) -> str:
        """What a pod measures, "" where it has no port that tells."""
        ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", [])]
        number = next((port["containerPort"] for port in ports if port["name"] in ("http", "health")), None)
        if number is None:
            return ""
        place = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}:{number}/proxy/metrics"
        return self.k8s.kubectl("get", "--raw", place)

    def apply(self, manifest: Mapping[str, Any]) -> None:
        self.k8s.apply(manifest)

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Whatever the shop answers, 503 as well; a connection that breaks is an error. With the admin's key."""
        return self.ask(method, path, body=body, headers={"Authorization": f"Bearer {self.key}", **(headers or {})})

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """The same without any credentials but those in `headers`."""
        sent = {"Host": self.host, "Content-Type": "application/json", **(headers or {})}
        return _POOL.request(method, f"http://{ADDRESS}{PREFIX}{path}", body=body, headers=sent)


_POOL = urllib3.PoolManager(maxsize=16, retries=False, timeout=urllib3.Timeout(30))
