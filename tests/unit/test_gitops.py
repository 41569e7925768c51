"""What gitops/ tells Argo CD and Flux fits the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
UMBRELLA = ROOT / "charts" / "scalable-shop"


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "gitops" / name).read_text()))


def test_argo_cd_finds_the_chart_and_its_values() -> None:
    [application] = manifests("argocd.yaml")
    source = application["spec"]["source"]
    assert (ROOT / source["path"] / "Chart.yaml").is_file()
    assert all((ROOT / source["path"] / file).is_file() for file in source["helm"]["valueFiles"])
    assert "values-gitops.yaml" in source["helm"]["valueFiles"]


def test_argo_cd_has_a_health_check_for_each_definition() -> None:
    [config] = manifests("argocd-health.yaml")
    kinds = {
        yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in (ROOT / "charts").glob("*/crds/*.yaml")
    }
    assert kinds and set(config["data"]) == {
        f"resource.customizations.health.scalable-shop.dev_{kind}" for kind in kinds
    }


def test_flux_finds_the_chart_and_its_values() -> None:
    release = manifests("flux.yaml")[1]["spec"]
    chart = release["chart"]["spec"]
    assert (ROOT / chart["chart"] / "Chart.yaml").is_file()
    assert all((ROOT / file).is_file() for file in chart["valuesFiles"])


def test_the_gitops_values_forbid_what_is_random() -> None:
    assert yaml.safe_load((UMBRELLA / "values-gitops.yaml").read_text())["global"]["secrets"]["generate"] is False


def test_whatever_is_made_at_random_can_be_forbidden() -> None:
    """Each Secret that a template fills at random, by itself or by a helper, asks first whether it may."""
    words = (
        "randAlphaNum",
        "genCA",
        "genSignedCert",
        "genPrivateKey",
        "uuidv4",
        '"kafka.passwords"',
        '.madeKeys"',
        " now ",
    )
    for path in (ROOT / "charts").glob("*/templates/**/*.yaml"):
        text = path.read_text()
        if any(word in text for word in words) and path.name != "secret-admin-key.yaml":
            assert '"shop-library.checkMade"' in text, path
