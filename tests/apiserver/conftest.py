"""One API server a session, with this tree's CRDs; a namespace for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from shop_apiserver.api import Api
from shop_apiserver.server import api_server, built
from shop_cluster.places import ROOT
from shop_cluster.waiting import wait_until

CRDS = ROOT / "charts" / "shop-operator" / "crds"
Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Nothing is skipped where the programs should be there: without a cluster given, `make e2e` builds them first."""
    if not built() and "KUBECONFIG" in os.environ:
        pytest.skip("kube-apiserver is built only where no cluster is given by KUBECONFIG")
    assert built(), "kube-apiserver is not built: scripts/bootstrap go cluster, then python -m shop_cluster prepare"
    with api_server(tmp_path_factory.mktemp("apiserver")) as api:
        for path in sorted(CRDS.glob("*.yaml")):
            definition = api.apply(yaml.safe_load(path.read_text()))
            wait_until(partial(established, api, definition), "the definition is established", 30)
        yield api


@pytest.fixture
def namespace(api: Api) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def established(api: Api, definition: Manifest) -> bool:
    live = api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", definition["metadata"]["name"]) or {}
    conditions = live.get("status", {}).get("conditions") or []
    # The version is served a moment after it is established.
    version = f"/apis/scalable-shop.dev/{definition['spec']['versions'][0]['name']}"
    done = any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
    return done and api.call("GET", version).ok
