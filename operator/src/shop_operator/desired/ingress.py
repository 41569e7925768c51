"""The way in from outside: an Ingress of any class, or an HTTPRoute. No rewrite: the service knows its prefix."""

from __future__ import annotations

from shop_operator.desired.base import Manifest, labels, manifest
from shop_operator.desired.http_services import SERVER, full_name

PREFIX = "/scalable-shop-cm-server"
PORT = 8080
# What class nginx is told by; the Shop's schema refuses ranges for any other.
SOURCES = "nginx.ingress.kubernetes.io/whitelist-source-range"


def door(shop: Manifest) -> list[Manifest]:
    """What the Shop asks for; nothing where it names neither."""
    spec = shop["spec"]
    if spec.get("ingress"):
        return [_ingress(shop, spec["ingress"])]
    if spec.get("gateway"):
        return [_route(shop, spec["gateway"])]
    return []


def _marks(shop: Manifest) -> dict[str, str]:
    return labels(SERVER, shop["metadata"]["name"], "door")


def _ingress(shop: Manifest, said: Manifest) -> Manifest:
    service = {"name": full_name(shop, SERVER), "port": {"name": "http"}}
    path = {"path": PREFIX, "pathType": "Prefix", "backend": {"service": service}}
    spec: Manifest = {"rules": [{"host": said["host"], "http": {"paths": [path]}}]}
    if said.get("className"):
        spec["ingressClassName"] = said["className"]
    if said.get("tls"):
        spec["tls"] = [{"hosts": [said["host"]], "secretName": said["tls"]["secretName"]}]
    made = manifest("Ingress", shop["metadata"]["name"], shop, _marks(shop), spec=spec)
    notes = dict(said.get("annotations") or {})
    if ranges := said.get("sourceRanges"):
        notes[SOURCES] = ",".join(ranges)
    if notes:
        made["metadata"]["annotations"] = notes
    return made


def _route(shop: Manifest, said: Manifest) -> Manifest:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": PREFIX}}],
        "backendRefs": [{"name": full_name(shop, SERVER), "port": PORT}],
    }
    spec: Manifest = {"parentRefs": said["parentRefs"], "rules": [rule]}
    if said.get("hostnames"):
        spec["hostnames"] = said["hostnames"]
    return manifest("HTTPRoute", shop["metadata"]["name"], shop, _marks(shop), spec=spec)
