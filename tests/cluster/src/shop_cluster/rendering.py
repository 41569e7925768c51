"""The charts as helm renders them, in each profile, and what a pod of them must look like."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from shop_cluster.binaries import HELM, KUBECONFORM, GoModule, program
from shop_cluster.places import ROOT

Manifest = dict[str, Any]
UMBRELLA = ROOT / "charts" / "scalable-shop"
CI = UMBRELLA / "ci"
PAGES = ("-f", str(CI / "pages-values.yaml"))
EXTERNAL = ("-f", str(CI / "external-values.yaml"))
PROFILES: dict[str, tuple[str, ...]] = {
    "default": (),
    "dev": ("-f", str(UMBRELLA / "values-dev.yaml")),
    "prod": ("-f", str(UMBRELLA / "values-prod.yaml")),
    "cluster": ("-f", str(ROOT / "tests" / "cluster" / "values.yaml")),
    "pages": PAGES,
    "external": EXTERNAL,
    "open": ("-f", str(CI / "open-values.yaml")),
    "platform": ("-f", str(CI / "platform-values.yaml")),
    "gitops": ("-f", str(UMBRELLA / "values-gitops.yaml"), *PAGES),
}


class RenderError(Exception):
    """What helm said."""


def tool(module: GoModule, name: str) -> str:
    """The program that the test cluster is built with, or the machine's own."""
    own = program(module, name)
    return str(own) if own.exists() else shutil.which(name) or name


def render(*words: str, chart: Path = UMBRELLA, release: str = "shop") -> list[Manifest]:
    return [manifest for manifest in yaml.safe_load_all(render_text(*words, chart=chart, release=release)) if manifest]


def render_text(*words: str, chart: Path = UMBRELLA, release: str = "shop") -> str:
    command = [tool(HELM, "helm"), "template", release, str(chart), "--namespace", "shop", "--include-crds", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def kubeconform() -> str:
    return tool(KUBECONFORM, "kubeconform")


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The spec of every pod that the manifests make, by kind and name."""
    found = {}
    for manifest in manifests:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "Pod":
            found[f"Pod/{manifest['metadata']['name']}"] = spec
        elif isinstance(spec, dict) and "template" in spec:
            found[f"{manifest['kind']}/{manifest['metadata']['name']}"] = spec["template"]["spec"]
    return found


def unrestricted(pod: Manifest) -> list[str]:
    """What keeps a pod from the Pod Security standard `restricted`, and from what we ask beyond it."""
    security = pod.get("securityContext", {})
    faults = [
        name
        for name, fine in {
            "runs as root": security.get("runAsNonRoot") is True and security.get("runAsUser", 0) >= 10_000,
            "no seccomp profile": security.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "service links": pod.get("enableServiceLinks") is False,
            "token unsaid": "automountServiceAccountToken" in pod,
            "host namespaces": not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
            "volumes": all(
                set(volume) - {"name"} <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}
                for volume in pod.get("volumes", [])
            ),
        }.items()
        if not fine
    ]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        inner = container.get("securityContext", {})
        if inner.get("allowPrivilegeEscalation") is not False:
            faults.append(f"{container['name']}: may escalate")
        if inner.get("capabilities") != {"drop": ["ALL"]}:
            faults.append(f"{container['name']}: has capabilities")
        if inner.get("readOnlyRootFilesystem") is not True:
            faults.append(f"{container['name']}: may write its root")
        if container["image"].endswith(":latest") or (":" not in container["image"]):
            faults.append(f"{container['name']}: image without a tag")
        for kind in ("requests", "limits"):
            if not {"cpu", "memory", "ephemeral-storage"} <= set(container.get("resources", {}).get(kind, {})):
                faults.append(f"{container['name']}: {kind}")
    return faults
