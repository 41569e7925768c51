"""Kafka's nodes in a release: their pods, and certificates that a test makes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shop_cluster.certificates import Subject, sign
from shop_cluster.installation import Installation

Manifest = dict[str, Any]
CERTIFICATE = "nodes"


def broker(shop: Installation) -> str:
    return f"{shop.name}-kafka-broker"


def controller(shop: Installation) -> str:
    return f"{shop.name}-kafka-controller"


def nodes(shop: Installation) -> list[Manifest]:
    return shop.pods("-l", "app.kubernetes.io/name=kafka")


def node(shop: Installation, name: str) -> Manifest:
    """The pod, {} while there is none."""
    return next((pod for pod in nodes(shop) if called(pod) == name), {})


def called(thing: Manifest) -> str:
    return str(thing["metadata"]["name"])


def uids(shop: Installation) -> dict[str, str]:
    return {called(pod): pod["metadata"]["uid"] for pod in nodes(shop)}


def starts(shop: Installation) -> dict[str, int]:
    """How often each node was started again in its pod."""
    return {called(pod): int(pod["status"]["containerStatuses"][0]["restartCount"]) for pod in nodes(shop)}


def ready(pod: Manifest) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def certificate(shop: Installation, authority: Path) -> Manifest:
    """The Secret of the nodes' certificate, a new one at each call, by the authority of that folder."""
    hosts = [f"*.{name}.{shop.namespace}.svc" for name in (broker(shop), controller(shop))]
    hosts.append(f"{shop.name}-kafka.{shop.namespace}.svc")
    sign(authority, Subject("tls", f"/CN={shop.name}-kafka", ",".join(f"DNS:{host}" for host in hosts)))
    texts = {key: (authority / key).read_text() for key in ("tls.crt", "tls.key", "ca.crt")}
    head = {"name": CERTIFICATE, "namespace": shop.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": head, "stringData": texts}
