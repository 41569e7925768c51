"""What is installed in the running cluster before it is handed over: DNS, storage, KEDA, ingress, the database."""

from __future__ import annotations

import re
from importlib.metadata import version

import yaml

from shop_cluster.binaries import GATEWAY_API, KEDA
from shop_cluster.client import Client
from shop_cluster.images import PREFIX
from shop_cluster.places import ROOT, SOURCES, Place
from shop_cluster.progress import step

ALWAYS = ("dns", "storage", "gateway")
OPTIONAL = ("keda", "ingress", "database")
WAIT = "240s"


def install(place: Place, without: frozenset[str]) -> None:
    client = Client(place.kubeconfig, place.bin)
    wanted = [name for name in OPTIONAL if name not in without]
    with step(f"Applying {', '.join((*ALWAYS, *wanted))}"):
        for name in (*ALWAYS, *wanted):
            client.apply(_manifest(place, client, name))
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


def gateway_manifest() -> str:
    """The definitions of the Gateway API, without a gateway: an HTTPRoute is checked and stored, but not served."""
    return "\n---\n".join(path.read_text() for path in sorted((GATEWAY_API.folder / "crd").glob("*.yaml")))


def ingress_manifest() -> str:
    """The controller with the settings that ingress/ tells its users to give it, but for what this nginx can't do."""
    said = yaml.safe_load((ROOT / "ingress" / "ingress-nginx-values.yaml").read_text())["controller"]
    snippets = {"allow-snippet-annotations": str(said["allowSnippetAnnotations"]).lower()}
    manifests = list(yaml.safe_load_all((SOURCES / "manifests" / "ingress.yaml").read_text()))
    [settings] = [each for each in manifests if each["kind"] == "ConfigMap"]
    settings["data"] = said["config"] | snippets | settings["data"]
    text: str = yaml.safe_dump_all(manifests)
    return text


def _manifest(place: Place, client: Client, name: str) -> str:
    if name == "keda":
        return keda_manifest(client)
    if name == "gateway":
        return gateway_manifest()
    if name == "ingress":
        return ingress_manifest()
    text = (SOURCES / "manifests" / f"{name}.yaml").read_text()
    return text.replace("VOLUMES", str(place.volumes)).replace("VERSION", version("shopctl"))
