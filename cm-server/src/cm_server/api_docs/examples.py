"""What a first caller may send: a body's own `EXAMPLE`, or a value made of its JSON Schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop_core.events.reading import Checked

Schema = Mapping[str, Any]
_BY_FORMAT = {"date-time": "2026-11-27T09:30:00Z"}


def example_of(type_: Any, schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """Of a body's type; `schemas` are those that `schema` may refer to by name."""
    if isinstance(type_, type) and issubclass(type_, Checked) and type_.EXAMPLE:
        return dict(type_.EXAMPLE)
    return from_schema(schema, schemas)


def from_schema(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """The first example, the default or the first choice; of an object its required properties."""
    if "$ref" in schema:
        return from_schema(schemas[name_of(schema["$ref"])], schemas)
    for choices in (schema.get("examples"), schema.get("enum")):
        if choices:
            return choices[0]
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "anyOf" in schema:
        return from_schema(schema["anyOf"][0], schemas)
    return _by_type(schema, schemas)


def _by_type(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: from_schema(properties[name], schemas) for name in schema.get("required", ())}
        case "array":
            return [from_schema(schema["items"], schemas)] if "items" in schema else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "null":
            return None
    return _BY_FORMAT.get(schema.get("format", ""), "text")


def name_of(ref: str) -> str:
    """The schema's name in a `$ref`."""
    return ref.rpartition("/")[2]
