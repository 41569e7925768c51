"""Fills the charts' values.schema.json with what comes from elsewhere; the rest of them is written by hand.

Each chart gets what the library says of all of them: pods' settings, common values, `global`. The umbrella's `$defs`
are the schemas of the charts below it, and those of the Shop's tiers and consumers from its definition (CRD), so that a
misspelt value fails even where that chart is off."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[1] / "charts"
UMBRELLA = "scalable-shop"
BELOW = {"operator": "shop-operator", "kafka": "kafka", "mongodb": "mongodb"}
# Where a chart's schema takes the settings of pods, beside its own.
PODS = {
    "shop-operator": ((),),
    "kafka": ((), ("definitions", "role"), ("definitions", "controllers")),
    "mongodb": ((), ("properties", "arbiter")),
    UMBRELLA: tuple(("properties", part) for part in ("mongoExpress", "jobs")),
}
# host:port, the host perhaps an IPv6 address in brackets.
ADDRESS = r"(\[[0-9a-fA-F:.]+\]|[^:,\s\[\]]+):[0-9]+"
# What only the umbrella says about a chart below it; their own schemas admit it unexamined.
OWN = {
    "kafka": {"bootstrapServers": {"type": "string", "pattern": rf"^({ADDRESS}(,{ADDRESS})*)?$"}},
    "mongodb": {
        # A URI with a password belongs into a Secret.
        "uri": {"type": "string", "pattern": r"^(mongodb(\+srv)?://[^@]*)?$"},
        "existingSecret": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "key": {"type": "string", "minLength": 1},
                "consumerKeys": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
                "readerKey": {"type": "string"},
                "opsKey": {"type": "string"},
                "migratorKey": {"type": "string"},
            },
        },
    },
}


def filled() -> dict[Path, str]:
    """Every chart's schema as it should be, by its file."""
    schemas = {name: _with_common_parts(name) for name in PODS}
    schemas[UMBRELLA]["$defs"] = {name: _below(name, schemas[folder]) for name, folder in BELOW.items()} | _shop()
    return {
        CHARTS / name / "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


def _with_common_parts(name: str) -> dict[str, Any]:
    common = json.loads((CHARTS / "shop-library" / "values.schema.json").read_text())["definitions"]
    schema: dict[str, Any] = json.loads((CHARTS / name / "values.schema.json").read_text())
    pods = {"type": "object", "additionalProperties": False, "properties": common["pods"]}
    everywhere = {
        "type": "object",
        "additionalProperties": False,
        "properties": common["global"] | {"pods": pods},
    }
    schema["properties"] |= common["chart"] | {"global": everywhere}
    for path in PODS[name]:
        part = schema
        for key in path:
            part = part[key]
        part["properties"] |= common["pods"]
    return schema


def _below(name: str, said: dict[str, Any]) -> dict[str, Any]:
    schema = copy.deepcopy(said)
    schema.pop("$schema")
    definitions = schema.pop("definitions", {})
    schema["properties"] |= OWN.get(name, {})
    resolved: dict[str, Any] = _resolved(schema, definitions)
    return resolved


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
    ops = _closed(spec["ops"])
    # In the values it stands there in any case.
    ops["properties"]["enabled"] = {"type": "boolean"}
    warm_up = _closed(spec["campaignWarmUp"])
    # In the values no consumer at all switches it off.
    warm_up.pop("required")
    warm_up["properties"]["consumers"].pop("minItems")
    return {
        "pods": _closed(spec["pods"]),
        "tier": tier,
        "ops": ops,
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
    for file, text in filled().items():
        file.write_text(text)
