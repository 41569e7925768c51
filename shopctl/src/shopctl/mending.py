"""A dead letter made good: fields set in its JSON, and the consumer's own rules asked before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec.inspect

from shop_core.errors import ConfigError, InvalidInput
from shop_core.events.envelope import COPIES, REDRIVEN, Message, Record, decode, place_of
from shopctl.dead_letters import Letter
from shopctl.terminal import cut

_NOT_TEXT = (
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.ListType,
    msgspec.inspect.DictType,
)


def successor(letter: Letter, changes: Sequence[str], value: bytes | None = None) -> Record:
    """The letter as its source was, with `value` in place of its own and `changes` (field=value) made to it.

    `ConfigError` says what its consumer would refuse, and what is missing of a letter that was cut.
    """
    if "key" in letter.cut:
        raise ConfigError(f"{letter.source} can't be sent: its key was cut, and with it the way to its partition.")
    if "value" in letter.cut and value is None:
        kept = letter.cut["value"].partition(",")[0]
        raise ConfigError(f"{letter.source} was cut ({kept}): give the whole value by --value FILE.")
    record = to_record(letter, changes, letter.message.value if value is None else value)
    try:
        decode(letter.domain, Message(record.topic, 0, 0, record.key, record.value, record.headers))
    except InvalidInput as error:
        hint = "" if letter.struct is None else ": mend it by --set FIELD=VALUE or --value FILE"
        raise ConfigError(f"{letter.source} would be refused again ({cut(str(error), 400)}){hint}.") from None
    return record


def to_record(letter: Letter, changes: Sequence[str], value: bytes | None) -> Record:
    """The record of its source topic, which says that a person sent it again."""
    kept = [header for header in letter.message.headers if not header[0].startswith("dlq_") and header[0] != REDRIVEN]
    headers = (*kept, (REDRIVEN, letter.source.encode()))
    # One of the copies that stand in every partition is missing in its own.
    copied = any(name == COPIES for name, _ in headers)
    partition = place_of(letter.source)[0] if copied else None
    return Record(letter.domain.topic, letter.message.key, mended(value, changes, letter.struct), headers, partition)


def mended(value: bytes | None, changes: Sequence[str], struct: type[Any] | None = None) -> bytes | None:
    """`value` with each field=value set; a value that isn't a JSON object is made anew from the changes.

    A field takes the text as it is, or, where the event has no text there (stars, milliseconds, tags), what it means
    as JSON: `rating=5` is a number, `price=5` is not.
    """
    if not changes:
        return value
    try:
        data = json.loads(value or b"")
    except (ValueError, RecursionError):
        data = None
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    for change in changes:
        field, equals, text = change.partition("=")
        if not field or not equals:
            raise ConfigError(f"--set takes field=value, not {change!r}.")
        fields[field] = text if takes_text(struct, field) else _json(field, text)
    try:
        text = json.dumps(fields, ensure_ascii=False)
    except RecursionError:
        raise ConfigError("The value is nested too deep to be mended by --set: use --value FILE.") from None
    # Half of a pair can be named in JSON, and UTF-8 can't hold it: it stays the escape that it was.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text).encode()


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
