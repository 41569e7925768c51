"""What is installed in the test cluster is what the project tells its users to install."""

from __future__ import annotations

from pathlib import Path

import yaml

from shop_cluster.addons import ingress_manifest

VALUES = Path(__file__).resolve().parents[2] / "ingress" / "ingress-nginx-values.yaml"


def test_the_ingress_controller_has_the_settings_that_users_are_told() -> None:
    said = yaml.safe_load(VALUES.read_text())["controller"]
    [made] = [each for each in yaml.safe_load_all(ingress_manifest()) if each["kind"] == "ConfigMap"]
    assert said["config"].items() <= made["data"].items()
    assert made["data"]["allow-snippet-annotations"] == "false"
