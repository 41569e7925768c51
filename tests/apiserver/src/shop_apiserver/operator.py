"""The operator as a process at a bare API server, with exactly the rights of operator/role.yaml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from shop_apiserver.api import Api
from shop_apiserver.server import free_ports
from shop_cluster.commands import tool
from shop_cluster.places import ROOT

Manifest = dict[str, Any]
NAME = "shop-operator"


@contextmanager
def operator(api: Api, namespace: str, folder: Path) -> Iterator[Path]:
    """It runs until the block ends; yields its log."""
    kubeconfig = _rights(api, namespace, folder / "operator.kubeconfig")
    # A clean environment: settings of whoever runs the tests must not reach it.
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "KUBECONFIG": str(kubeconfig),
        "OPERATOR_NAMESPACE": namespace,
        "OPERATOR_INTERVAL": "1",
        "OPERATOR_CM_API_URL": "http://127.0.0.1:1",
        "OPERATOR_CM_SERVER_URL": "http://127.0.0.1:1",
        "HEALTH_PORT": str(*free_ports(1)),
    }
    log = folder / "operator.log"
    command = [tool("setpriv"), "--pdeathsig", "KILL", sys.executable, "-m", "shop_operator"]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=variables, stderr=sink)
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


def _rights(api: Api, namespace: str, kubeconfig: Path) -> Path:
    role = yaml.safe_load((ROOT / "operator" / "role.yaml").read_text())
    head = {"name": NAME, "namespace": namespace}
    api.apply(role | {"metadata": head})
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": head})
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": head}
    api.apply(binding | {"roleRef": reference | {"name": NAME}, "subjects": [subject]})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    answer = api.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{NAME}/token", asked)
    config = json.loads(api.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer.body["status"]["token"]}
    kubeconfig.write_text(json.dumps(config))
    return kubeconfig
