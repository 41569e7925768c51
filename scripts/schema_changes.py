"""Compares the events' schemas with those of the last release; `make lint` fails where an event of the log can no
longer be read. What is in a topic stays as it was sent, so a type of event may only come to take more.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shop_core.events.schemas import schemas

Schema = dict[str, Any]
RELEASED = Path(__file__).resolve().parents[1] / "schemas" / "released"
PAGE = "docs/how-to/change-an-event.md"
# Say nothing of which values are right, or are compared by themselves.
SILENT = {"$comment", "$schema", "$defs", "title", "description", "examples", "default"}
COMPARED = {"type", "enum", "const", "anyOf", "properties", "required", "items", "additionalProperties", "$ref"}
LOWEST = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
HIGHEST = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def last_release(folder: Path = RELEASED) -> tuple[str, dict[str, Schema]]:
    """(version, its schemas by event type)."""
    newest = max(folder.iterdir(), key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)])
    return newest.name, {path.stem: json.loads(path.read_text()) for path in newest.glob("*.json")}


def sentences(before: dict[str, Schema], now: dict[str, Schema]) -> list[str]:
    """One for each change that makes an event of the log unreadable."""
    told = []
    for type_, old in sorted(before.items()):
        if type_ not in now:
            told.append(f"{type_} is gone, but is in the log: keep it beside {successor(type_)}, see {PAGE}.")
            continue
        told += [
            f"{type_}: field {field or 'data'} {what}; leave it as it was and add {successor(type_)}, see {PAGE}."
            for field, what in changes(old, now[type_], Root(old, now[type_]))
        ]
    return told


def successor(type_: str) -> str:
    """The name of the next version of an event type."""
    stem, _, number = type_.rpartition(".v")
    return f"{stem}.v{int(number) + 1}"


class Root:
    """The two documents that `$ref`s lead into."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new

    def followed(self, old: Schema, new: Schema) -> tuple[Schema, Schema]:
        return self._led(old, self.old), self._led(new, self.new)

    @staticmethod
    def _led(schema: Schema, root: Schema) -> Schema:
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        return {**root["$defs"][name], **{k: v for k, v in schema.items() if k != "$ref"}} if name else schema


def changes(old: Schema, new: Schema, root: Root, field: str = "") -> Iterator[tuple[str, str]]:
    """(field, what happened to it) where a value that was right before is not so now."""
    old, new = root.followed(old, new)
    if "default" in old and new.get("default", old["default"]) != old["default"]:
        yield field, f"has another default ({_short(old['default'])} → {_short(new['default'])})"
    if "anyOf" in old or "anyOf" in new:
        for each in old.get("anyOf", [old]):
            yield from _alternative(each, new.get("anyOf", [new]), root, field)
        return
    if lost := sorted(_kinds(old) - _taken(new)):
        yield field, f"no longer takes {', '.join(lost)}"
        return
    yield from ((field, f"is narrower ({what})") for what in _limits(old, new))
    yield from _properties(old, new, root, field)
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from changes(old["items"], new["items"], root, f"{field}[]")


def _alternative(old: Schema, new: list[Schema], root: Root, field: str) -> Iterator[tuple[str, str]]:
    """What no alternative of the new ones takes; in detail where only one is of the same JSON type."""
    found = [list(changes(old, each, root, field)) for each in new]
    if all(found):
        kinds = _kinds(root.followed(old, {})[0])
        alike = [told for each, told in zip(new, found, strict=True) if kinds <= _taken(root.followed({}, each)[1])]
        yield from alike[0] if len(alike) == 1 else [(field, f"no longer takes {', '.join(sorted(kinds))} as it did")]


def _kinds(schema: Schema) -> set[str]:
    """The JSON types of the right values; `any` where nothing is said of them."""
    if (listed := _listed(schema)) is not None:
        return {KINDS[type(value)] for value in listed}
    said = schema.get("type", "any")
    return set(said) if isinstance(said, list) else {said}


def _taken(schema: Schema) -> set[str]:
    kinds = _kinds(schema)
    if "any" in kinds:
        kinds |= {*KINDS.values(), "array", "object"}
    return kinds | ({"integer"} if "number" in kinds else set())


def _listed(schema: Schema) -> list[Any] | None:
    """The only right values, where they are told one by one."""
    return schema.get("enum", [schema["const"]] if "const" in schema else None)


def _limits(old: Schema, new: Schema) -> Iterator[str]:
    """The keywords by which `new` takes less."""
    before, now = _listed(old), _listed(new)
    if now is not None and before is None:
        yield f"only {', '.join(map(_short, now))}"
    elif now is not None and before is not None and (lost := [value for value in before if value not in now]):
        yield f"without {', '.join(map(_short, lost))}"
    for names, direction in ((LOWEST, 1), (HIGHEST, -1)):
        for name in names:
            if name in new and (name not in old or direction * (new[name] - old[name]) > 0):
                yield f"{name} {old.get(name, 'none')} → {new[name]}"
    for name in sorted(set(new) - SILENT - COMPARED - {*LOWEST, *HIGHEST}):
        # A pattern or a format: nobody can tell which of two takes more.
        if new[name] != old.get(name):
            yield f"another {name}"


def _properties(old: Schema, new: Schema, root: Root, above: str) -> Iterator[tuple[str, str]]:
    before, now = old.get("properties", {}), new.get("properties", {})
    for name in before:
        field = f"{above}.{name}".lstrip(".")
        if name in now:
            yield from changes(before[name], now[name], root, field)
        else:
            yield field, "is gone"
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{above}.{name}".lstrip("."), "is required now" if name in before else "is new and required"
    others, more = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if others is not False and more is False:
        yield above, "takes no other fields any more"
    elif isinstance(others, dict) and isinstance(more, dict):
        yield from changes(others, more, root, f"{above}.*".lstrip("."))


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]


if __name__ == "__main__":
    release, before = last_release()
    told = sentences(before, schemas())
    sys.stderr.writelines(f"{line}\n" for line in told)
    sys.exit(1 if told else 0)
