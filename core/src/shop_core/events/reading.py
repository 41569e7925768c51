"""JSON as a struct, or every field at fault by name and in plain words.

What is right is read by one decode and its rules. Only where that fails, each field is looked at by itself, so that its
sender need not mend one fault to be told of the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import SimpleNamespace, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, UNSET

from shop_core.errors import Faults, FieldFault, InvalidInput
from shop_core.events.fields import Rule
from shop_core.events.instants import from_json, to_json
from shop_core.events.json_text import BOM, UNREADABLE, has_mark, mark_halves, not_json, without_marks
from shop_core.events.sentences import LONGEST_SHOWN, expected, is_text, unknown

_AT = re.compile(r" - at `\$\.([^`.\[]+)")  # in msgspec's words: the field at fault


class Checked(msgspec.Struct, frozen=True):
    """A struct that holds the rules of its fields, and those between them. `EXAMPLE` is what a first caller may send;
    without one the schema tells."""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {}

    def check(self, came: datetime | None = None) -> None:
        """`InvalidInput` of every rule that is broken, those of moments' bounds where it is known when it `came`."""
        try:
            for field in ruled_fields_of(type(self)):
                field.hold(getattr(self, field.attribute), came)
            self.across()
        except InvalidInput:
            faults = Faults()
            for field in ruled_fields_of(type(self)):
                faults.read(field.hold, getattr(self, field.attribute), came)
            faults.read(self.across)
            faults.settle()

    def across(self) -> None:
        """The rules between fields. Where others are at fault, `self` is what could be read, UNSET for the rest."""


T = TypeVar("T", bound=Checked)


@dataclass(frozen=True)
class Field:
    """A field of a struct as its sender knows it; `many` where the rule is one of each item of a list."""

    attribute: str
    name: str
    type: Any
    default: Any
    rule: Rule | None
    many: bool

    def hold(self, value: Any, came: datetime | None) -> None:
        """Hold the rule against a value of the right type."""
        if self.rule is None or value is None or value is UNSET:
            return
        if self.many:
            self._hold_each(self.rule, value)
        else:
            checked = self.rule.check(self.name, value)
            if self.rule.bounds is not None and came is not None:
                self.rule.bounds(self.name, checked, came)

    def read(self, raw: msgspec.Raw, came: datetime | None) -> Any:
        """The value in `raw`; `InvalidInput` by this field's name."""
        if has_mark(bytes(raw)):
            raise InvalidInput(FieldFault(self.name, "must be valid Unicode, has a surrogate that stands alone"))
        try:
            value = msgspec.json.decode(raw, type=self.type, dec_hook=from_json)
        except msgspec.ValidationError as error:
            self._explain(msgspec.json.decode(raw), error)
        self.hold(value, came)
        return value

    def _explain(self, value: Any, error: msgspec.ValidationError) -> None:
        """Raise what is wrong with a value that is not of the type: by the rule, which says more, or by the type."""
        if self.rule is not None and is_text(self.type):
            items = value if self.many and isinstance(value, list) else [value]
            if all(isinstance(item, str) for item in items):
                self.hold(value, None)
        reason = str(error.__cause__) if isinstance(error.__cause__, ValueError) else ""
        detail = (self.rule.form if self.rule else "") or reason or expected(self.type)
        raise InvalidInput(FieldFault(self.name, detail))

    def _hold_each(self, rule: Rule, items: list[Any]) -> None:
        faults = Faults()
        for number, item in enumerate(items, start=1):
            try:
                rule.check(self.name, item)
            except InvalidInput as error:
                told = (FieldFault(fault.field, f"item {number} {fault.detail}") for fault in error.faults)
                faults.add(type(error)(*told))
        faults.settle()


def decode_json(body: bytes, struct: type[T], came: datetime | None = None) -> T:
    """`body` as `struct`, every rule of it held (`Checked.check`).

    Bad JSON is a fault of `body` (`MalformedRequest`), a bad field one of that field; all of them are told.
    """
    text = body.removeprefix(BOM)
    try:
        data = _decoder(struct).decode(text)
    except UNREADABLE as error:
        raise _explained(text, struct, came, error) from None
    data.check(came)
    return data  # type: ignore[no-any-return]


def encode_json(data: Any) -> bytes:
    """`data` as JSON, its moments in the digits that they came in."""
    return msgspec.json.encode(data, enc_hook=to_json)


def every_fault(text: bytes, struct: type[Checked], came: datetime | None) -> InvalidInput:
    """What is wrong with a body that is no `struct`: each field looked at by itself."""
    try:
        raws = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return InvalidInput(FieldFault("body", "must be a JSON object"))
    faults, values = Faults(), {}
    for field in fields_of(struct):
        values[field.attribute] = UNSET if field.default is NODEFAULT else field.default
        if field.name in raws:
            values[field.attribute] = UNSET
            try:
                values[field.attribute] = field.read(raws.pop(field.name), came)
            except InvalidInput as error:
                faults.add(error)
        elif field.default is NODEFAULT:
            faults.add(InvalidInput(FieldFault(field.name, "is required")))
    missing = [field.name for field in fields_of(struct) if values[field.attribute] is UNSET]
    for name in raws:
        shown = without_marks(name)[:LONGEST_SHOWN]
        faults.add(InvalidInput(FieldFault(shown, unknown(name, missing))))
    faults.read(struct.across, SimpleNamespace(**values))  # type: ignore[arg-type]
    try:
        faults.settle()
    except InvalidInput as error:
        return error
    return InvalidInput(FieldFault("body", f"is not what {struct.__name__} looks like"))


@cache
def fields_of(struct: type[Checked]) -> tuple[Field, ...]:
    """The fields of a struct, with the rules in their types."""
    found = []
    for field in msgspec.structs.fields(struct):
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        rule, many = _rule_in(field.type)
        found.append(Field(field.name, field.encode_name, field.type, default, rule, many))
    return tuple(found)


@cache
def ruled_fields_of(struct: type[Checked]) -> tuple[Field, ...]:
    return tuple(field for field in fields_of(struct) if field.rule is not None)


@cache
def _decoder(struct: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(struct, dec_hook=from_json)


def _rule_in(type_: Any) -> tuple[Rule | None, bool]:
    """(the rule, whether it is one of each item)."""
    origin = get_origin(type_)
    if origin is Annotated:
        inner, *also = get_args(type_)
        own = next((each for each in also if isinstance(each, Rule)), None)
        return (own, False) if own else _rule_in(inner)
    found = [_rule_in(each) for each in get_args(type_)] if origin in (Union, UnionType, list) else []
    rule, many = next((each for each in found if each[0]), (None, False))
    return rule, many or (origin is list and rule is not None)


def _explained(text: bytes, struct: type[Checked], came: datetime | None, first: Exception) -> InvalidInput:
    """What is wrong with a body; half a character in a string is a fault of its field, not of the body."""
    try:
        return every_fault(text, struct, came)
    except UNREADABLE as error:
        marked = mark_halves(text)
        try:
            return every_fault(marked, struct, came) if marked != text else _cut_off(text, struct, error, first)
        except UNREADABLE:
            return _cut_off(text, struct, error, first)


def _cut_off(text: bytes, struct: type[Checked], error: Exception, first: Exception) -> InvalidInput:
    """No JSON; named as well is the field that was at fault before it broke off."""
    body = not_json(text, error)
    at = _AT.search(str(first))
    field = next((field for field in fields_of(struct) if at and field.name == at[1]), None)
    also = [FieldFault(field.name, expected(field.type))] if field else []
    return type(body)(*body.faults, *also)
