"""A pretended API server for `helm template --dry-run=server`: it has the objects that it is given, and no others.

So what a chart does with what it finds in the cluster (`lookup`) is tested by rendering alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
# Whatever a chart makes must be known, though it is never made here.
KINDS = {
    "/api/v1": ("ConfigMap", "Secret", "Service", "ServiceAccount", "Pod"),
    "/apis/apps/v1": ("StatefulSet", "Deployment"),
    "/apis/batch/v1": ("Job",),
    "/apis/coordination.k8s.io/v1": ("Lease",),
    "/apis/networking.k8s.io/v1": ("NetworkPolicy",),
    "/apis/policy/v1": ("PodDisruptionBudget",),
    "/apis/rbac.authorization.k8s.io/v1": ("Role", "RoleBinding", "ClusterRole"),
    "/apis/admissionregistration.k8s.io/v1": ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    "/apis/scalable-shop.dev/v1alpha1": ("Shop", "ShopConsumer"),
    "/apis/apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
}
CLUSTER_WIDE = ("Custom", "Cluster", "Validating")


@contextmanager
def api_with(objects: Iterable[Manifest], kubeconfig: Path) -> Iterator[None]:
    """`kubeconfig` names a server that has these objects, until the block ends."""
    answers = _discovery() | {_path(each): _released(each) for each in objects}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """What helm asks is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, name="pretended-api", daemon=True).start()
    try:
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(server.server_address[1])))
        yield
    finally:
        server.shutdown()
        server.server_close()


def _released(manifest: Manifest) -> Manifest:
    """As Helm marks what belongs to a release; it takes nothing over that is somebody else's."""
    head = manifest["metadata"]
    owner = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": head["namespace"]}
    labels = head.get("labels", {}) | {"app.kubernetes.io/managed-by": "Helm"}
    return manifest | {"metadata": head | {"labels": labels, "annotations": head.get("annotations", {}) | owner}}


def _plural(kind: str) -> str:
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _path(manifest: Manifest) -> str:
    version, head = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{head['namespace']}/{_plural(manifest['kind'])}/{head['name']}"


def _discovery() -> dict[str, Manifest]:
    found: dict[str, Manifest] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
    }
    groups = []
    for root, kinds in KINDS.items():
        version = root.removeprefix("/apis/").removeprefix("/api/")
        resources = [
            {
                "name": _plural(kind),
                "namespaced": not kind.startswith(CLUSTER_WIDE),
                "kind": kind,
                "verbs": ["get", "list"],
            }
            for kind in kinds
        ]
        found[root] = {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
        if "/" in version:
            name, _, short = version.partition("/")
            served = {"groupVersion": version, "version": short}
            groups.append({"name": name, "versions": [served], "preferredVersion": served})
    return found | {"/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}}


def _kubeconfig(port: int) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "pretended", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "pretended", "context": {"cluster": "pretended", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {}}],
        "current-context": "pretended",
    }
