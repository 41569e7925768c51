"""`shopctl dlq`: look at what the consumers refused, send it again (mended where needed), or put it aside for good.

A dead letter is named by the receipt of its source, `<topic>-<partition>-<offset>`. Redriving keeps the event's id, so
a letter that is redriven twice is still applied once.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import msgspec.inspect

from shop_core import mongo
from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.events.envelope import REDRIVEN, Message, Record
from shop_core.kafka.log import read_all
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import Rejections
from shop_core.settings import KafkaSettings, MongoSettings, load

_NOT_TEXT = (
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.ListType,
    msgspec.inspect.DictType,
)


@dataclass(frozen=True)
class Letter:
    """One dead letter: its message in the DLQ, where it came from, and why it was refused."""

    message: Message
    source: str
    topic: str
    reason: str


def register(commands: Any) -> None:
    """Add `dlq list|show|redrive|discard` to the command line."""
    parser = commands.add_parser("dlq", help="dead letters: list, show, redrive, discard")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, about, run in (
        ("list", "the letters that nobody has dealt with", list_letters),
        ("show", "one letter, whole", show),
        ("redrive", "send letters to their topic again, under the same event id", redrive),
        ("discard", "put letters aside for good", discard),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.add_argument("--domain", default="purchases", choices=sorted(DOMAINS))
        action.set_defaults(run=run)
        if name == "list":
            action.add_argument("--json", action="store_true", help="one JSON object a line")
            action.add_argument("--all", action="store_true", help="also those already dealt with")
        else:
            action.add_argument(
                "receipt", nargs="?" if name != "show" else None, help="the source: topic-partition-offset"
            )
        if name in ("redrive", "discard"):
            action.add_argument("--all", action="store_true", help="every letter that nobody has dealt with")
        if name == "redrive":
            action.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="mend a field first")


def list_letters(options: argparse.Namespace) -> int:
    """Print the letters, oldest first."""
    resolved = rejections().resolved(DOMAINS[options.domain].topic)
    for letter in letters(options.domain):
        if letter.source in resolved and not options.all:
            continue
        line = {"receipt": letter.source, "reason": letter.reason, "resolution": resolved.get(letter.source)}
        print(json.dumps(line, ensure_ascii=False) if options.json else f"{letter.source}\t{letter.reason}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print one letter: reason, headers, key and value."""
    letter = chosen(options)[0]
    message = letter.message
    print(f"receipt:  {letter.source}\nreason:   {letter.reason}\nkey:      {_text(message.key)}")
    for name, value in message.headers:
        print(f"header:   {name} = {_text(value)}")
    print(f"value:    {_text(message.value)}")
    return 0


def redrive(options: argparse.Namespace) -> int:
    """Publish the chosen letters to their topic again; prints old and new receipt."""
    publisher = KafkaPublisher(load(KafkaSettings, os.environ).bootstrap_servers)
    publisher.connected(5.0)
    notes = rejections()
    try:
        for letter in chosen(options):
            receipt = publisher.publish([to_record(letter, options.set)])[0]
            notes.resolve(letter.source, f"redriven {receipt}")
            print(f"{letter.source}\tredriven as {receipt}")
    finally:
        publisher.close()
    return 0


def discard(options: argparse.Namespace) -> int:
    """Mark the chosen letters as dealt with; they stay in the DLQ for the record."""
    notes = rejections()
    for letter in chosen(options):
        notes.resolve(letter.source, "discarded")
        print(f"{letter.source}\tdiscarded")
    return 0


def letters(domain: str) -> list[Letter]:
    """The DLQ's letters, each source once: a crash may have sent one twice."""
    found: dict[str, Letter] = {}
    for message in read_all(load(KafkaSettings, os.environ).bootstrap_servers, DOMAINS[domain].dlq):
        named = {name: _text(value) for name, value in message.headers if name.startswith("dlq_")}
        topic = named.get("dlq_topic", "")
        source = f"{topic}-{named.get('dlq_partition')}-{named.get('dlq_offset')}"
        found.setdefault(source, Letter(message, source, topic, named.get("dlq_reason", "")))
    return list(found.values())


def chosen(options: argparse.Namespace) -> list[Letter]:
    """The letter named by the receipt, or with --all every one not dealt with; `ConfigError` when there is none."""
    every = letters(options.domain)
    if getattr(options, "all", False):
        resolved = rejections().resolved(DOMAINS[options.domain].topic)
        return [letter for letter in every if letter.source not in resolved]
    named = [letter for letter in every if letter.source == options.receipt]
    if not named:
        wanted = options.receipt or "no receipt given"
        raise ConfigError(f"No such dead letter ({wanted}): name one that `shopctl dlq list` prints.")
    return named


def to_record(letter: Letter, changes: Sequence[str]) -> Record:
    """The letter as its source was, with `changes` (field=value) made to its JSON data."""
    kept = [h for h in letter.message.headers if not h[0].startswith("dlq_") and h[0] != REDRIVEN]
    headers = (*kept, (REDRIVEN, letter.source.encode()))
    struct = struct_of(letter)
    return Record(letter.topic, letter.message.key, mended(letter.message.value, changes, struct), headers)


def struct_of(letter: Letter) -> type[Any] | None:
    """What the letter's data should have been; None for a type that no domain knows."""
    type_ = _text(dict(letter.message.headers).get("ce_type"))
    domains = (domain for domain in DOMAINS.values() if domain.topic == letter.topic)
    return next((domain.events.get(type_) for domain in domains), None)


def mended(value: bytes | None, changes: Sequence[str], struct: type[Any] | None = None) -> bytes | None:
    """`value` with each field=value set; a value that isn't a JSON object is made anew from the changes.

    A field takes the text as it is, or, where the event has no text there (stars, milliseconds, tags), what it means
    as JSON: `rating=5` is a number, `price=5` is not.
    """
    if not changes:
        return value
    try:
        data = json.loads(value or b"")
    except ValueError:
        data = None
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    for change in changes:
        field, equals, text = change.partition("=")
        if not field or not equals:
            raise ConfigError(f"--set takes field=value, not {change!r}.")
        fields[field] = text if takes_text(struct, field) else _json(field, text)
    return json.dumps(fields, ensure_ascii=False).encode()


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
    except ValueError:
        raise ConfigError(f"--set {field}={text}: this field takes no text; give it as JSON, for example 5.") from None


def rejections() -> Rejections:
    return Rejections(mongo.connect(load(MongoSettings, os.environ), "shopctl"))


def _text(raw: bytes | None) -> str:
    return "(none)" if raw is None else raw.decode(errors="backslashreplace")
