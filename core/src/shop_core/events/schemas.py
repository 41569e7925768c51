"""JSON Schema 2020-12 of each event type, one document each, for those who read topics without this code."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from shop_core.events import DOMAINS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """By event type, those of derived topics too."""
    made: dict[str, dict[str, Any]] = {}
    for domain in DOMAINS.values():
        for events in (domain.events, *domain.derived.values()):
            made |= {type_: schema_of(type_, struct) for type_, struct in events.items()}
    return made


def schema_of(type_: str, struct: type[Any]) -> dict[str, Any]:
    """The schema of one event's data. Structs inside it stand in `$defs`."""
    whole = msgspec.json.schema(struct)
    others = dict(whole["$defs"])
    data = others.pop(struct.__name__)
    about = (inspect.getdoc(struct) or "").partition("\n")[0]
    head = {"$schema": DIALECT, **data, "title": type_, "description": about}
    return head | ({"$defs": others} if others else {})
