"""schemas/ is as the code has it, the last release is kept, and a change that makes an event unreadable is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shop_core.events.schemas import schema_of, schemas
from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
TYPE = "shop.parcel.sent.v1"
Schema = dict[str, Any]


CHANGES = script("schema_changes")


class Box(msgspec.Struct):
    width: int


class Sent(msgspec.Struct):
    """A parcel was sent.

    More of it.
    """

    box: Box


def event(fields: Schema, *required: str, **more: Any) -> Schema:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False, **more}


def told(old: Schema, new: Schema) -> list[str]:
    found: list[str] = CHANGES.sentences({TYPE: old}, {TYPE: new})
    return found


def of_field(old: Schema, new: Schema) -> list[str]:
    return told(event({"size": old}, "size"), event({"size": new}, "size"))


def test_schemas_are_fresh() -> None:
    wanted = script("schemas").files()
    there = {path.name: path.read_text() for path in (ROOT / "schemas").glob("*.json")}
    assert there == wanted, "run `make generate`"


def test_the_schema_of_an_event_that_is_no_more_goes_away(tmp_path: Path) -> None:
    writer = script("schemas")
    (tmp_path / f"{TYPE}.json").write_text("{}")
    writer.write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == writer.files()
    assert re.fullmatch(r"\d+\.\d+\.\d+", writer.released_now().name)


def test_the_released_ones_are_kept_and_still_readable() -> None:
    releases = re.findall(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    release, before = CHANGES.last_release()
    assert release == releases[0], "run `.venv/bin/python scripts/schemas.py --release`"
    assert "shop.purchase.made.v1" in before
    assert CHANGES.sentences(before, schemas()) == []


def test_releases_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    for release in ("0.9.0", "0.10.0", "0.2.0"):
        (tmp_path / release).mkdir()
        (tmp_path / release / f"{TYPE}.json").write_text(json.dumps({"title": release}))
    assert CHANGES.last_release(tmp_path) == ("0.10.0", {TYPE: {"title": "0.10.0"}})


def test_a_struct_inside_an_event_stands_in_its_schema() -> None:
    schema = schema_of(TYPE, Sent)
    assert (schema["title"], schema["description"]) == (TYPE, "A parcel was sent.")
    assert schema["properties"]["box"] == {"$ref": "#/$defs/Box"}
    assert list(schema["$defs"]) == ["Box"]


TEXT, NUMBER, NULL = {"type": "string"}, {"type": "number"}, {"type": "null"}
OLD = event({"id": TEXT}, "id")


@pytest.mark.parametrize(
    "new",
    [
        event({"id": TEXT, "note": TEXT}, "id"),
        event({"id": TEXT | {"description": "another", "examples": ["x"], "title": "T"}}, "id", description="new"),
        event({"id": TEXT}),
        event({"id": TEXT}, "id", additionalProperties=True),
    ],
    ids=["optional field", "words", "no longer required", "other fields"],
)
def test_an_event_may_come_to_take_more(new: Schema) -> None:
    assert told(OLD, new) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "integer"}, NUMBER),
        (TEXT, {"anyOf": [TEXT, NULL]}),
        ({"anyOf": [TEXT, NULL]}, {"anyOf": [NULL, NUMBER, TEXT]}),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}),
        ({"enum": ["a"]}, TEXT),
        ({"const": "a"}, {"enum": ["a", "b"]}),
        ({"type": "string", "maxLength": 5, "minLength": 1, "pattern": "a"}, {"type": "string", "maxLength": 9}),
        ({"type": "array", "items": {"enum": ["a"]}}, {"type": "array", "items": TEXT}),
        ({"type": "string", "default": ""}, {"type": "string", "default": ""}),
        (TEXT, {}),
        (TEXT, {"type": ["string", "null"]}),
    ],
    ids=str,
)
def test_a_field_may_come_to_take_more(old: Schema, new: Schema) -> None:
    assert of_field(old, new) == []


def test_an_event_that_is_gone_is_told() -> None:
    assert CHANGES.sentences({TYPE: OLD}, {}) == [
        "shop.parcel.sent.v1 is gone, but is in the log: keep it beside shop.parcel.sent.v2, "
        "see docs/how-to/change-an-event.md."
    ]


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (event({}), "field id is gone"),
        (event({"id": TEXT, "note": TEXT}, "id", "note"), "field note is new and required"),
        (event({"id": {"type": "object", "properties": {}}}, "id"), "field id no longer takes string"),
    ],
    ids=["gone", "new and required", "another type"],
)
def test_an_event_that_takes_less_is_told_in_one_sentence(new: Schema, what: str) -> None:
    rest = "; leave it as it was and add shop.parcel.sent.v2, see docs/how-to/change-an-event.md."
    assert told(OLD, new) == [f"{TYPE}: {what}{rest}"]


def test_what_becomes_required_or_closed_is_told() -> None:
    assert "field id is required now;" in told(event({"id": TEXT}), OLD)[0]
    assert "field data takes no other fields any more;" in told(OLD | {"additionalProperties": True}, OLD)[0]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (NUMBER, {"type": "integer"}, "size no longer takes number"),
        ({}, TEXT, "size no longer takes any"),
        ({"anyOf": [TEXT, NULL]}, TEXT, "size no longer takes null"),
        ({"anyOf": [TEXT, NULL]}, {"anyOf": [TEXT | {"maxLength": 5}, NULL]}, "size is narrower (maxLength none → 5)"),
        (TEXT, {"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]}, "size no longer takes string as it did"),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, 'size is narrower (without "b")'),
        (TEXT, {"enum": ["a"]}, 'size is narrower (only "a")'),
        ({"enum": ["a", "b"]}, {"const": "a"}, 'size is narrower (without "b")'),
        ({"type": "string", "maxLength": 9}, {"type": "string", "maxLength": 5}, "(maxLength 9 → 5)"),
        ({"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}, "(minimum 0 → 1)"),
        (TEXT, TEXT | {"pattern": "a"}, "(another pattern)"),
        (TEXT | {"format": "date"}, TEXT | {"format": "date-time"}, "(another format)"),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}, "size[] no longer takes string"),
        (
            {"type": "object", "additionalProperties": NUMBER},
            {"type": "object", "additionalProperties": TEXT},
            "size.* no longer takes number",
        ),
        (TEXT | {"default": "a"}, TEXT | {"default": "b"}, 'size has another default ("a" → "b")'),
        (event({"x": TEXT}), event({}), "size.x is gone"),
    ],
    ids=str,
)
def test_a_field_that_takes_less_is_told(old: Schema, new: Schema, what: str) -> None:
    (sentence,) = of_field(old, new)
    assert what in sentence


def test_a_struct_inside_an_event_is_compared_too() -> None:
    def whole(box: Schema) -> Schema:
        return event({"box": {"$ref": "#/$defs/Box"}}, "box", **{"$defs": {"Box": box}})

    assert told(whole(event({"width": NUMBER})), whole(event({"width": NUMBER, "height": NUMBER}))) == []
    (sentence,) = told(whole(event({"width": NUMBER})), whole(event({"width": {"type": "integer"}})))
    assert "box.width no longer takes number" in sentence
