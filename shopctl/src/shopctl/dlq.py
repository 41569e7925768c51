"""`shopctl dlq`: look at what the consumers refused, send it again (mended where needed), or put it aside for good.

A dead letter is named by the receipt of its source, `<topic>-<partition>-<offset>`, which names its domain as well.
Redriving keeps the event's id, so a letter that is redriven twice is still applied once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain
from shop_core.mongo import client
from shop_core.mongo.client import Rejections
from shopctl import terminal
from shopctl.dead_letters import Letter, domain_of, letters
from shopctl.listing import as_object, columns, print_letter, row_of, write_value
from shopctl.mending import successor
from shopctl.redriving import Redrive
from shopctl.target import target_of
from shopctl.terminal import as_json, escaped, shown


def list_letters(options: argparse.Namespace) -> int:
    """Print the letters, oldest first; which domains have none is said on stderr."""
    desk = Desk(options)
    rows: list[tuple[str, ...]] = []
    empty: list[str] = []
    for domain in desk.domains:
        resolved = desk.notes.resolved(domain.topic)
        found = [letter for letter in letters(desk.bootstrap, domain) if options.all or letter.source not in resolved]
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
    work = Redrive(desk.bootstrap, desk.db)
    for letter in chosen:
        try:
            record = successor(letter, options.set, value)
        except ConfigError as error:
            if len(chosen) == 1:
                raise
            work.refuse(str(error))
            continue
        if options.dry_run:
            print(f"{escaped(letter.source)}\twould be redriven to {record.topic}\t{shown(record.value)}")
        else:
            work.add(letter, record)
    return work.run()


def discard(options: argparse.Namespace) -> int:
    """Mark the chosen letters as dealt with; they stay in the DLQ for the record."""
    desk = Desk(options)
    chosen = desk.chosen()
    desk.confirm("Discard", chosen)
    for letter in chosen:
        if not options.dry_run:
            desk.notes.resolve(letter.source, "discarded", letter.domain.topic)
        print(f"{escaped(letter.source)}\t{'would be discarded' if options.dry_run else 'discarded'}")
    return 0


class Desk:
    """The letters that a command is about, on one platform."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.domains = domains_of(options)
        self.target = target_of(options.state_dir)
        self.target.tell()
        self.bootstrap = self.target.bootstrap
        self.db = client.connect(self.target.mongo, "shopctl")
        self.notes = Rejections(self.db)

    def chosen(self) -> list[Letter]:
        """The letter named by the receipt, or with --all every one not dealt with; `ConfigError` when there is none."""
        every = [letter for domain in self.domains for letter in letters(self.bootstrap, domain)]
        if getattr(self._options, "all", False):
            resolved = {source for domain in self.domains for source in self.notes.resolved(domain.topic)}
            return [letter for letter in every if letter.source not in resolved]
        named = [letter for letter in every if letter.source == self._options.receipt]
        if not named:
            raise no_such_letter(self._options.receipt)
        return named

    def confirm(self, verb: str, chosen: Sequence[Letter]) -> None:
        """Before --all: show what it is about, and ask where a person is there to answer."""
        if not self._options.all or self._options.dry_run or not chosen:
            return
        print("\n".join(columns([row_of(letter) for letter in chosen])), file=sys.stderr)
        if self._options.yes:
            return
        if sys.stdin.isatty():
            if not terminal.agreed(f"{verb} {len(chosen)} of {', '.join(domain.name for domain in self.domains)}?"):
                raise ConfigError("Nothing was done.")
        elif self._options.domain is None:
            raise ConfigError(f"--all means {len(chosen)} letters of every domain: add --domain or --yes.")


def domains_of(options: argparse.Namespace) -> list[Domain]:
    """The domain that is named, or that the receipt names; else all."""
    receipt, every = getattr(options, "receipt", None), getattr(options, "all", False)
    if options.action != "list" and bool(receipt) == every:
        raise ConfigError("Name one letter by its receipt, or all by --all.")
    named = DOMAINS[options.domain] if options.domain else None
    if not receipt:
        return [named] if named else list(DOMAINS.values())
    told = domain_of(receipt)
    if told is None or (named is not None and named is not told):
        raise no_such_letter(receipt)
    return [told]


def no_such_letter(receipt: str) -> ConfigError:
    return ConfigError(f"No such dead letter ({receipt}): name one that `shopctl dlq list` prints.")


def read_value(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"--value {file} can't be read ({error.strerror}).") from None
