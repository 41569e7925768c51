"""What is installed in the running cluster before it is handed over: DNS, storage, KEDA, ingress, the database."""

from __future__ import annotations

import re
from importlib.metadata import version

from shop_cluster.binaries import KEDA
from shop_cluster.client import Client
from shop_cluster.images import PREFIX
from shop_cluster.places import SOURCES, Place
from shop_cluster.progress import step

OPTIONAL = ("keda", "ingress", "database")
WAIT = "150s"


def install(place: Place, without: frozenset[str]) -> None:
    client = Client(place.kubeconfig, place.bin)
    wanted = [name for name in OPTIONAL if name not in without]
    with step(f"Applying DNS, storage{''.join(f', {name}' for name in wanted)}"):
        for name in ("dns", "storage", *wanted):
            client.apply(keda_manifest(client) if name == "keda" else _manifest(place, name))
    with step("Waiting until all of it is ready"):
        client.kubectl("wait", "node", "--all", "--for=condition=Ready", f"--timeout={WAIT}")
        client.kubectl("wait", "deployment", "--all", "-A", "--for=condition=Available", f"--timeout={WAIT}")
        if "keda" in wanted:
            metrics = "apiservice/v1beta1.external.metrics.k8s.io"
            client.kubectl("wait", metrics, "--for=condition=Available", f"--timeout={WAIT}")


def keda_manifest(client: Client) -> str:
    """KEDA's own manifest, from its Go module, with the images made here."""
    text = client.kubectl("kustomize", str(KEDA.folder / "config" / "default"))
    text = re.sub(r"image: ghcr\.io/kedacore/([a-z-]+):\S+", rf"image: {PREFIX}/\1:1", text)
    return text.replace("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent")


def _manifest(place: Place, name: str) -> str:
    text = (SOURCES / "manifests" / f"{name}.yaml").read_text()
    return text.replace("VOLUMES", str(place.volumes)).replace("VERSION", version("shopctl"))
