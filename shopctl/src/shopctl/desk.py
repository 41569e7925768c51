"""The letters that a command of `shopctl dlq` is about, on one platform, and what is done with them."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shop_core.dead_letters.letters import Letter, domain_of, letters
from shop_core.dead_letters.redriving import Outcome, Redrive
from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import client
from shop_core.mongo.letter_notes import LetterNotes
from shopctl import terminal
from shopctl.listing import columns, row_of
from shopctl.target import target_of
from shopctl.terminal import escaped

NOT_SENT, NOT_STORED = 1, 3


class Desk:
    """Of one command."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.domains = domains_of(options)
        self.target = target_of(options.state_dir)
        self.target.tell()
        self.kafka = self.target.kafka
        self.by = f"shopctl of {person()}"
        self._db = client.connect(self.target.mongo, "shopctl")
        self.notes = LetterNotes(self._db)
        self.redrive = Redrive(self._db, self.by, self._publisher)

    @contextmanager
    def _publisher(self) -> Iterator[KafkaPublisher]:
        publisher = KafkaPublisher(self.kafka)
        publisher.connected(5.0)
        try:
            yield publisher
        finally:
            publisher.close()

    def resolved(self, domain: Domain) -> dict[str, str]:
        """How those letters were dealt with that somebody is done with."""
        notes = self.notes.of(domain.topic)
        return {receipt: note.resolution for receipt, note in notes.items() if note.resolution is not None}

    def chosen(self) -> list[Letter]:
        """The letter named by the receipt, or with --all every one not dealt with; `ConfigError` when there is none."""
        every = [letter for domain in self.domains for letter in letters(self.kafka, domain)]
        if getattr(self._options, "all", False):
            resolved = {source for domain in self.domains for source in self.resolved(domain)}
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


def refuse(why: str) -> None:
    """A letter that nothing is done with; the others are."""
    print(f"shopctl: {escaped(why)}", file=sys.stderr)


def tell(outcome: Outcome) -> int:
    """What became of a letter; the exit code that it alone would give."""
    source = escaped(outcome.letter.source)
    if outcome.state == "not sent":
        refuse(f"{outcome.letter.source} was not sent: {outcome.why}")
        return NOT_SENT
    if outcome.state == "stored":
        print(f"{source}\tstored, redriven as {outcome.successor}")
        return 0
    print(f"{source}\t{outcome.state}: {escaped(outcome.why)}\tredriven as {outcome.successor}")
    return NOT_STORED


def person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "somebody"


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
