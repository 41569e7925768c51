"""The example of docs/how-to/operator.md works as it stands on the Kafka that the chart brings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from shop_apiserver.api import Api
from shop_cluster.rendering import render

ROOT = Path(__file__).resolve().parents[2]
Manifest = dict[str, Any]


def blocks() -> list[Manifest]:
    text = (ROOT / "docs" / "how-to" / "operator.md").read_text()
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]


def sees(principal: str, resource: str, name: str) -> bool:
    """Whether kafka/acls.json lets this user see a topic or group."""
    rules = json.loads((ROOT / "kafka" / "acls.json").read_text())["principals"][principal]["may"]
    return any(
        rule["resource"] == resource
        and "DESCRIBE" in rule["operations"]
        and (name.startswith(rule["name"]) if rule.get("pattern") == "PREFIXED" else name == rule["name"])
        for rule in rules
    )


def test_the_example_fits_the_charts_kafka() -> None:
    spec = next(block["spec"] for block in blocks() if block.get("kind") == "ShopConsumer")
    for principal in ("operator", "keda"):
        assert sees(principal, "TOPIC", spec["topic"]) and sees(principal, "GROUP", spec["group"])
    (made,) = [m for m in render() if m["kind"] == "Shop"]
    for field in ("secretRef", "kedaSecretRef", "caSecretRef"):
        assert spec["kafka"][field] == made["spec"]["kafka"][field]
    assert made["spec"]["kafka"]["bootstrapServers"].split(":")[0].split(".")[0] == "shop-kafka"
    (secret,) = spec["secrets"]
    assert secret["name"] == made["spec"]["kafka"]["passwordsSecretRef"]["name"]


def test_the_example_is_admitted(api: Api, namespace: str) -> None:
    example = next(block for block in blocks() if block.get("kind") == "ShopConsumer")
    answer = api.create(example | {"metadata": {"namespace": namespace, **example["metadata"]}})
    assert answer.ok, answer.message


def test_the_examples_user_may_what_its_consumer_does() -> None:
    spec = next(block["spec"] for block in blocks() if block.get("kind") == "ShopConsumer")
    users = next(block["kafka"]["security"]["extraUsers"] for block in blocks() if "kafka" in block)
    (name,) = users
    assert {"name": "KAFKA_USER", "value": name} in spec["env"] and spec["secrets"][0]["keys"] == [name]
    may = {(rule["resource"], rule["name"]) for rule in users[name]["may"] if "READ" in rule["operations"]}
    assert may == {("TOPIC", spec["topic"]), ("GROUP", spec["group"])}
