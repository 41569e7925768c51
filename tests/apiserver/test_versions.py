"""v1beta1 beside v1alpha1: one is read as the other, and definitions and operator may be upgraded in any order."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_apiserver.api import Api
from shop_apiserver.operator import operator
from shop_apiserver.specs import SPECS, made
from shop_cluster.places import ROOT
from shop_cluster.waiting import wait_until

Manifest = dict[str, Any]
ALPHA, BETA = "scalable-shop.dev/v1alpha1", "scalable-shop.dev/v1beta1"
CRDS = ROOT / "charts" / "shop-operator" / "crds"
DEFINITION = "apiextensions.k8s.io/v1"


def definition(kind: str) -> Manifest:
    found: Manifest = yaml.safe_load((CRDS / f"{kind.lower()}s.yaml").read_text())
    return found


def before(kind: str) -> Manifest:
    """The definition of the release before: v1alpha1 alone."""
    found = copy.deepcopy(definition(kind))
    found["spec"]["versions"] = [each for each in found["spec"]["versions"] if each["name"] == "v1alpha1"]
    return found


@pytest.mark.parametrize("kind", SPECS)
def test_both_versions_have_one_shape_and_the_same_columns(kind: str) -> None:
    alpha, beta = definition(kind)["spec"]["versions"]
    assert (alpha.pop("name"), alpha.pop("storage")) == ("v1alpha1", True)
    assert (beta.pop("name"), beta.pop("storage")) == ("v1beta1", False)
    assert alpha == beta and alpha["served"] and len(alpha["additionalPrinterColumns"]) > 6
    assert definition(kind)["spec"]["conversion"] == {"strategy": "None"}


@pytest.mark.parametrize("kind", SPECS)
def test_stored_objects_outlive_the_upgrade_of_their_definition_and_the_way_back(
    api: Api, namespace: str, kind: str
) -> None:
    api.apply(before(kind))
    try:
        wait_until(lambda: not _serves(api, kind), "v1beta1 is not served by the release before", 30)
        stored = api.apply(made(kind, namespace, "old", SPECS[kind][0]))
        api.apply(definition(kind))
        wait_until(lambda: _serves(api, kind), "v1beta1 is served", 30)
        found = api.get(BETA, kind, namespace, "old")
        assert found is not None and found["apiVersion"] == BETA
        assert (found["spec"], found["metadata"]["uid"]) == (stored["spec"], stored["metadata"]["uid"])
        written = api.create(made(kind, namespace, "new", SPECS[kind][1]) | {"apiVersion": BETA})
        assert written.ok, written.message
        live = api.get(DEFINITION, "CustomResourceDefinition", "", f"{kind.lower()}s.scalable-shop.dev")
        assert live is not None and live["status"]["storedVersions"] == ["v1alpha1"]
        api.apply(before(kind))
        for name, spec in (("old", stored["spec"]), ("new", written.body["spec"])):
            again = api.get(ALPHA, kind, namespace, name)
            assert again is not None and again["spec"] == spec
    finally:
        api.apply(definition(kind))
        wait_until(lambda: _serves(api, kind), "v1beta1 is served", 30)


def _serves(api: Api, kind: str) -> bool:
    answer = api.call("GET", f"/apis/{BETA}")
    return answer.ok and any(each["kind"] == kind for each in answer.body.get("resources", []))


@pytest.mark.parametrize("version", [ALPHA, BETA])
def test_what_is_written_as_either_is_reconciled_and_read_as_the_other(
    api: Api, namespace: str, tmp_path: Path, version: str
) -> None:
    spec = {
        "images": {"cmServer": "r/a:1", "cmApi": "r/b:1"},
        "kafka": {"bootstrapServers": "127.0.0.1:1"},
        "mongodb": {"uriSecretRef": {"name": "m", "key": "uri"}},
    }
    other = BETA if version == ALPHA else ALPHA
    with operator(api, namespace, tmp_path):
        assert api.create(made("Shop", namespace, "shop", spec) | {"apiVersion": version}).ok

        def told() -> bool:
            status = (api.get(other, "Shop", namespace, "shop") or {}).get("status", {})
            return bool(status.get("conditions")) and "Deployment shop-cm-server" in status.get("reason", "")

        wait_until(told, "the status has the cause", 60)
        for name in ("shop-cm-server", "shop-cm-api"):
            live = api.get("apps/v1", "Deployment", namespace, name)
            assert live is not None and live["metadata"]["ownerReferences"][0]["kind"] == "Shop"


def test_an_operator_that_is_newer_than_a_definition_says_which_to_upgrade(
    api: Api, namespace: str, tmp_path: Path
) -> None:
    """As it is for whoever forgets the step before `helm upgrade`: nothing stops, and the status has the command."""
    old = definition("ShopConsumer")
    for version in old["spec"]["versions"]:
        # Both versions hold one schema.
        version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"].pop("wanted", None)
        version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].pop("networkPolicy", None)
    api.apply(old)
    try:
        spec = {
            "topic": "t",
            "group": "g",
            "image": "i",
            "kafka": {"bootstrapServers": "127.0.0.1:1"},
            "lagThreshold": 1,
        }
        with operator(api, namespace, tmp_path):
            assert api.create(made("ShopConsumer", namespace, "old", spec)).ok

            def told() -> bool:
                status = (api.get(BETA, "ShopConsumer", namespace, "old") or {}).get("status", {})
                words = ("lacks status.wanted", "kubectl apply --server-side -f charts/shop-operator/crds")
                return all(each in status.get("reason", "") for each in words)

            wait_until(told, "the status names the definition", 60)
            assert api.get("apps/v1", "Deployment", namespace, "old") is not None
    finally:
        api.apply(definition("ShopConsumer"))
