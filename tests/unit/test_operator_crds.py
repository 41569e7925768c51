"""The CRDs: closed schemas with explained fields, refusals in sentences, and the columns that were promised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = Path(__file__).resolve().parents[2] / "charts" / "shop-operator" / "crds"
Manifest = dict[str, Any]


def crd(plural: str) -> Manifest:
    found: Manifest = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    return found


def walk(rule: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    """Each part of a schema with its path."""
    yield path, rule
    for name, inner in rule.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    if "items" in rule:
        yield from walk(rule["items"], f"{path}[]")


def parts(plural: str) -> list[tuple[str, Manifest]]:
    version = crd(plural)["spec"]["versions"][0]
    return list(walk(version["schema"]["openAPIV3Schema"]))


@pytest.mark.parametrize("plural", ["shops", "shopconsumers"])
def test_no_part_takes_unknown_fields(plural: str) -> None:
    for path, rule in parts(plural):
        assert not rule.get("x-kubernetes-preserve-unknown-fields"), path
        assert not rule.get("x-kubernetes-embedded-resource"), path
        if rule.get("type") == "object" and path not in ("", ".metadata"):
            assert rule.get("properties") or rule.get("additionalProperties"), f"{path} takes anything"


@pytest.mark.parametrize("plural", ["shops", "shopconsumers"])
def test_fields_are_explained_and_refusals_are_sentences(plural: str) -> None:
    for path, rule in parts(plural):
        if path.startswith(".spec.") and path.count(".") == 2 and not path.endswith("[]"):
            assert rule.get("description", "").endswith("."), path
        for validation in rule.get("x-kubernetes-validations", []):
            assert validation["message"].endswith("."), validation["message"]
            assert len(validation["message"].split()) > 6, validation["message"]


@pytest.mark.parametrize("plural", ["shops", "shopconsumers"])
def test_kubectl_knows_them_as_it_knows_its_own(plural: str) -> None:
    names = crd(plural)["spec"]["names"]
    assert names["shortNames"] and "all" in names["categories"]
    for version in crd(plural)["spec"]["versions"]:
        last = version["additionalPrinterColumns"][-1]
        assert last == {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def test_the_columns_and_the_scale_subresource() -> None:
    version = crd("shopconsumers")["spec"]["versions"][0]
    shown = [c["name"].upper() for c in version["additionalPrinterColumns"] if not c.get("priority")]
    assert shown == ["READY", "REPLICAS", "MAX", "LAG", "DELAY", "DRAIN", "MODE", "REASON", "AGE"]
    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
