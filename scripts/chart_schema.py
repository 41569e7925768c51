"""Fills charts/scalable-shop/values.schema.json: what comes from elsewhere stands in its `$defs`.

The umbrella's own part is written by hand. The schemas of the charts below it, and those of the Shop's tiers and
consumers from its definition (CRD), are copied in, so that a misspelt value fails even where that chart is off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[1] / "charts"
TARGET = CHARTS / "scalable-shop" / "values.schema.json"
BELOW = {"operator": "shop-operator", "kafka": "kafka", "mongodb": "mongodb"}
# What only the umbrella says about a chart below it; their own schemas admit it unexamined.
OWN = {
    "kafka": {"bootstrapServers": {"type": "string", "pattern": r"^([^:,\s]+:[0-9]+(,[^:,\s]+:[0-9]+)*)?$"}},
    "mongodb": {
        # A URI with a password belongs into a Secret.
        "uri": {"type": "string", "pattern": r"^(mongodb(\+srv)?://[^@]*)?$"},
        "existingSecret": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "key": {"type": "string", "minLength": 1},
                "readerKey": {"type": "string"},
                "migratorKey": {"type": "string"},
            },
        },
    },
}


def filled(text: str) -> str:
    """The schema with fresh `$defs`."""
    schema = json.loads(text)
    schema["$defs"] = {name: _below(name, folder) for name, folder in BELOW.items()} | _shop()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _below(name: str, folder: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((CHARTS / folder / "values.schema.json").read_text())
    schema.pop("$schema")
    definitions = schema.pop("definitions", {})
    schema["properties"] |= OWN.get(name, {})
    return _resolved(schema, definitions)


def _resolved(part: Any, definitions: dict[str, Any]) -> Any:
    """Without references, as the copy's own `definitions` are left behind."""
    if isinstance(part, list):
        return [_resolved(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _resolved(definitions[part["$ref"].rpartition("/")[2]], definitions)
    return {key: _resolved(value, definitions) for key, value in part.items()}


def _shop() -> dict[str, Any]:
    definition = yaml.safe_load((CHARTS / "shop-operator" / "crds" / "shops.yaml").read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    tier, consumer = _closed(spec["server"]), _closed(spec["consumers"]["items"])
    # 0 switches autoscaling off in the values; a consumer's domain is its key.
    tier["properties"]["autoscaling"]["properties"]["maxReplicas"]["minimum"] = 0
    consumer.pop("required")
    consumer["properties"].pop("domain")
    warm_up = _closed(spec["campaignWarmUp"])
    # In the values no consumer at all switches it off.
    warm_up.pop("required")
    warm_up["properties"]["consumers"].pop("minItems")
    return {
        "tier": tier,
        "consumer": consumer,
        "topics": _closed(spec["kafka"]["properties"]["topics"]),
        "warmUp": warm_up,
    }


def _closed(part: Any) -> Any:
    """A definition's schema as one for values: closed, and without what only the API server understands."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _closed(value) for key, value in part.items() if not key.startswith("x-kubernetes-")}
    kept.pop("default", None)
    if part.get("x-kubernetes-int-or-string"):
        kept["type"] = ["string", "number"]
    if kept.get("type") == "object" and "properties" in kept:
        kept["additionalProperties"] = False
    return kept


if __name__ == "__main__":
    TARGET.write_text(filled(TARGET.read_text()))
