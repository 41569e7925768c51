"""`shopctl dlq`: look at what the consumers refused, send it again (mended where needed), or put it aside for good.

A dead letter is named by the receipt of its source, `<topic>-<partition>-<offset>`, which names its domain as well.
Redriving keeps the event's id, so that the consumer knows it again whatever happens meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shop_core.dead_letters.letters import Letter, letters
from shop_core.dead_letters.mending import successor
from shop_core.errors import ConfigError, InvalidInput
from shop_core.events.envelope import Record
from shop_core.mongo.letter_notes import NotFree
from shopctl.changes import changes_of
from shopctl.desk import NOT_SENT, Desk, refuse, tell
from shopctl.listing import as_object, columns, print_letter, row_of, write_value
from shopctl.terminal import as_json, cut, escaped, shown


def list_letters(options: argparse.Namespace) -> int:
    """Print the letters, oldest first; which domains have none is said on stderr."""
    desk = Desk(options)
    rows: list[tuple[str, ...]] = []
    empty: list[str] = []
    for domain in desk.domains:
        resolved = desk.resolved(domain)
        found = [letter for letter in letters(desk.kafka, domain) if options.all or letter.source not in resolved]
        if not found:
            empty.append(domain.name)
        for letter in found:
            if options.json:
                print(as_json(as_object(letter, resolved.get(letter.source))))
            rows.append(row_of(letter))
    if rows and not options.json:
        print("\n".join(columns(rows)))
    if empty:
        print(f"shopctl: no dead letters in {', '.join(empty)}", file=sys.stderr)
    return 0


def show(options: argparse.Namespace) -> int:
    """Print one letter: reason, headers, key and value."""
    letter = Desk(options).chosen()[0]
    if options.value:
        return write_value(letter)
    print_letter(letter)
    return 0


def redrive(options: argparse.Namespace) -> int:
    """Publish the chosen letters to their topic again, and say what becomes of each: 0 when all are stored, 3 when one
    is not, 1 when one was not sent."""
    desk = Desk(options)
    chosen = desk.chosen()
    if options.all and options.value:
        raise ConfigError("--value is the value of one letter: give its receipt instead of --all.")
    value = read_value(options.value) if options.value else None
    desk.confirm("Redrive", chosen)
    codes, wanted = [0], []
    for letter in chosen:
        try:
            record = mended(letter, changes_of(options.set, letter.struct), value)
        except ConfigError as error:
            if len(chosen) == 1:
                raise
            refuse(str(error))
            codes.append(NOT_SENT)
            continue
        if options.dry_run:
            print(f"{escaped(letter.source)}\twould be redriven to {record.topic}\t{shown(record.value)}")
        else:
            wanted.append((letter, record))
    codes += [tell(outcome) for outcome in desk.redrive.send(wanted, even_discarded=not options.all)]
    return NOT_SENT if NOT_SENT in codes else max(codes)


def mended(letter: Letter, changes: Mapping[str, Any], value: bytes | None) -> Record:
    """What is sent for a letter; `ConfigError` where its consumer would refuse it again."""
    try:
        return successor(letter, changes, value)
    except InvalidInput as error:
        hint = "" if letter.struct is None else ": mend it by --set FIELD=VALUE or --value FILE"
        raise ConfigError(f"{letter.source} would be refused again ({cut(str(error), 400)}){hint}.") from None


def discard(options: argparse.Namespace) -> int:
    """Mark the chosen letters as dealt with; they stay in the DLQ for the record."""
    desk = Desk(options)
    chosen = desk.chosen()
    desk.confirm("Discard", chosen)
    code = 0
    for letter in chosen:
        if not options.dry_run:
            try:
                desk.notes.resolve(desk.notes.take(letter.source, letter.domain.topic, desk.by), "discarded")
            except NotFree as error:
                refuse(str(error))
                code = NOT_SENT
                continue
        print(f"{escaped(letter.source)}\t{'would be discarded' if options.dry_run else 'discarded'}")
    return code


def read_value(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"--value {file} can't be read ({error.strerror}).") from None
