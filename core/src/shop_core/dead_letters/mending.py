"""A dead letter made good: fields set in its JSON, and the consumer's own rules asked before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from shop_core.dead_letters.letters import Letter
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.envelope import COPIES, REDRIVEN, Message, Record, decode
from shop_core.events.receipts import Receipt


def successor(letter: Letter, changes: Mapping[str, Any], value: bytes | None = None) -> Record:
    """The letter as its source was, with `value` in place of its own and `changes` made to its fields.

    `InvalidInput` says what its consumer would refuse, and what is missing of a letter that was cut.
    """
    if "key" in letter.cut:
        raise InvalidInput(FieldFault("key", "was cut, and with it the way to its partition"))
    if "value" in letter.cut and value is None:
        kept = letter.cut["value"].partition(",")[0]
        raise InvalidInput(FieldFault("value", f"was cut ({kept}): give the whole value"))
    record = to_record(letter, changes, letter.message.value if value is None else value)
    decode(letter.domain, Message(record.topic, 0, 0, record.key, record.value, record.headers))
    return record


def to_record(letter: Letter, changes: Mapping[str, Any], value: bytes | None) -> Record:
    """The record of its source topic, which names the letter that it is sent for."""
    kept = [header for header in letter.message.headers if not header[0].startswith("dlq_") and header[0] != REDRIVEN]
    headers = (*kept, (REDRIVEN, letter.source.encode()))
    # One of the copies that stand in every partition is missing in its own.
    copied = any(name == COPIES for name, _ in headers)
    partition = Receipt.of(letter.source).partition if copied else None
    return Record(letter.domain.topic, letter.message.key, mended(value, changes), headers, partition)


def mended(value: bytes | None, changes: Mapping[str, Any]) -> bytes | None:
    """`value` with these fields set; a value that isn't a JSON object is made anew from them."""
    if not changes:
        return value
    try:
        data = json.loads(value or b"")
    except (ValueError, RecursionError):
        data = None
    fields: dict[str, Any] = (data if isinstance(data, dict) else {}) | dict(changes)
    try:
        text = json.dumps(fields, ensure_ascii=False)
    except RecursionError:
        raise InvalidInput(FieldFault("value", "is nested too deep to set a field in it: give it whole")) from None
    # Half of a pair can be named in JSON, and UTF-8 can't hold it: it stays the escape that it was.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text).encode()
