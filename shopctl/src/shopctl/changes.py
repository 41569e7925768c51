"""What `--set FIELD=VALUE` means: text, or JSON where the event has no text in that field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec.inspect

from shop_core.errors import ConfigError

_NOT_TEXT = (
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.ListType,
    msgspec.inspect.DictType,
)


def changes_of(words: Sequence[str], struct: type[Any] | None) -> dict[str, Any]:
    """The fields that are set, by name.

    A field takes the text as it is, or, where the event has no text there (stars, milliseconds, tags), what it means
    as JSON: `rating=5` is a number, `price=5` is not.
    """
    found: dict[str, Any] = {}
    for word in words:
        field, equals, text = word.partition("=")
        if not field or not equals:
            raise ConfigError(f"--set takes field=value, not {word!r}.")
        found[field] = text if takes_text(struct, field) else _json(field, text)
    return found


def takes_text(struct: type[Any] | None, field: str) -> bool:
    """Whether text may stand in this field of the event; so it is with a field that the event does not have."""
    known = msgspec.inspect.type_info(struct) if struct else None
    fields = known.fields if isinstance(known, msgspec.inspect.StructType) else ()
    types = [type_ for each in fields if each.encode_name == field for type_ in _types(each.type)]
    return not types or not all(isinstance(type_, _NOT_TEXT) for type_ in types)


def _types(type_: msgspec.inspect.Type) -> Sequence[msgspec.inspect.Type]:
    """The members of a union, or the one type."""
    while isinstance(type_, msgspec.inspect.Metadata):
        type_ = type_.type
    return type_.types if isinstance(type_, msgspec.inspect.UnionType) else (type_,)


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"--set {field}={text}: this field takes no text; give it as JSON, for example 5.") from None
