"""A database of a test's own, beside the cluster's one: it can be stopped, copied and started elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import yaml

from shop_cluster.client import Client
from shop_cluster.places import SOURCES
from shop_cluster.waiting import PATIENCE

NAME = "secantus"
WAIT = f"--timeout={180 * PATIENCE:.0f}s"
COPIER = "copy-database"


@dataclass(frozen=True)
class Database:
    """The stand-in for MongoDB of manifests/database.yaml, in a namespace that is there.

    Its volume is what a dump is elsewhere."""

    k8s: Client
    namespace: str

    @property
    def uri(self) -> str:
        return f"mongodb://{NAME}.{self.namespace}:27017/?directConnection=true"

    def start(self) -> None:
        for manifest in self._manifests():
            self.k8s.apply(manifest)
        self._kubectl("rollout", "status", f"deployment/{NAME}", WAIT)

    def stop(self) -> None:
        self._kubectl("scale", f"deployment/{NAME}", "--replicas=0")
        self._kubectl("wait", "pod", "-l", f"app={NAME}", "--for=delete", WAIT)

    def go_on(self) -> None:
        self._kubectl("scale", f"deployment/{NAME}", "--replicas=1")
        self._kubectl("rollout", "status", f"deployment/{NAME}", WAIT)

    def saved(self) -> str:
        """What the volume of a stopped one holds, as text."""
        return self._with_volume("tar -C /data -cz db | base64")

    def restore(self, saved: str) -> None:
        """Before the first start."""
        [claim] = [each for each in self._manifests() if each["kind"] == "PersistentVolumeClaim"]
        self.k8s.apply(claim)
        self._with_volume("base64 -d | tar -C /data -xz", saved)

    def _with_volume(self, command: str, stdin: str | None = None) -> str:
        [server] = [each for each in self._manifests() if each["kind"] == "Deployment"]
        spec = server["spec"]["template"]["spec"]
        [container] = spec["containers"]
        still = {"command": ["sleep", "infinity"], "args": [], "readinessProbe": None}
        head = {"name": COPIER, "namespace": self.namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec | {"containers": [container | still]}}
        self.k8s.apply(pod)
        self._kubectl("wait", "pod", COPIER, "--for=condition=Ready", WAIT)
        words = ("--namespace", self.namespace, "exec", "-i", COPIER, "--", "sh", "-c", command)
        said = self.k8s.kubectl(*words, stdin=stdin)
        self._kubectl("delete", "pod", COPIER, "--now", "--wait", WAIT)
        return said

    def _manifests(self) -> list[dict[str, Any]]:
        text = (SOURCES / "manifests" / "database.yaml").read_text().replace("VERSION", version("shopctl"))
        found = [each for each in yaml.safe_load_all(text) if each["kind"] != "Namespace"]
        for each in found:
            each["metadata"]["namespace"] = self.namespace
        return found

    def _kubectl(self, *words: str) -> None:
        self.k8s.kubectl("--namespace", self.namespace, *words)
