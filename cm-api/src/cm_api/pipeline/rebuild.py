"""`python -m cm_api.pipeline.rebuild DOMAIN`: makes a domain's read models anew from its topic, and swaps them in.

The new generation grows beside the live one, which goes on being read and written. For the last events the consumers
are held; one transaction then makes it the live one, where they stand, and they read on from there. What they decided
when an event was new is followed: the log has no order between partitions, in which it could be decided again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from cm_api.contract import GenerationStore
from cm_api.pipeline import privacy
from cm_api.pipeline.outbox import to_pending
from cm_api.registry import read_model, rebuildable
from cm_api.settings import ConsumerSettings
from shop_core import cli
from shop_core.config.settings import load
from shop_core.errors import ConfigError, InvalidInput, Unavailable
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, Event, Message, decode
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topic_reader import TopicReader, topic_log
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession, Database, Document
from shop_core.mongo.erasures import Erasures
from shop_core.mongo.generations import Generations
from shop_core.mongo.pending_events import PendingEvents
from shop_core.mongo.positions import Positions
from shop_core.mongo.rejections import Rejections

CLOSE = 500  # events behind the live positions from which on the consumers are held
HOLD_SECONDS = 5.0
TRIES = 100
SAY_SECONDS = 1.0
READERS_FOLLOW_SECONDS = 3.0  # queries look up the live generation at least once a second
Prints = dict[str, dict[str, bytes]]
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass
class Rebuild:
    """One rebuild of one domain. `read` tells how many events were replayed."""

    domain: Domain
    db: Database[Document]
    log: TopicReader
    say: Say
    after_swap: Callable[[], None]
    read: int = 0
    differ: set[str] = field(default_factory=set)
    said_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.model = read_model(self.domain.name)
        if self.model.rebuilding is None:
            raise ConfigError(f"{self.domain.name} can't be rebuilt: its read models have no generations.")
        self.how = self.model.rebuilding
        self.positions = Positions(self.db, self.domain.group)
        self.live = Generations(self.db).current(self.domain.name)
        self.fresh = Generations.following(self.live)

    def prepare(self) -> None:
        """An empty generation; `ConfigError` when the log no longer tells the whole story."""
        stored = self.positions.stored(self.domain.topic)
        self.log.skips = {p: {skip.start: skip.end for skip in at.skipped} for p, at in stored.items()}
        if lost := {p: first for p, first in self.log.starts().items() if first > 0}:
            raise ConfigError(f"{self.domain.topic} has lost its start in {len(lost)} partitions: it can't be rebuilt.")
        self.drop(self.fresh)
        self.how.ensure_indexes(self.db, self.fresh)

    def compare(self) -> list[str]:
        """Replay to where the live generation is now, and tell each document that differs there."""

        def look(session: ClientSession) -> tuple[dict[int, int], Prints]:
            store = self.how.store(self.db, session, self.live)
            return self.positions.topic(self.domain.topic, session), prints(store, self.how.collections)

        def look_at_fresh(session: ClientSession) -> Prints:
            return prints(self.how.store(self.db, session, self.fresh), self.how.collections)

        until, live = self._try(lambda: client.in_transaction(self.db, look))
        self.replay(until)
        fresh = self._try(lambda: client.in_transaction(self.db, look_at_fresh))
        self.differ = {id for name in live for id in changed(live[name], fresh[name])}
        return differences(live, fresh)

    def replay(self, until: dict[int, int]) -> None:
        """Apply what lies between here and `until`. Known ids change nothing, so a batch may be tried again."""
        for batch in self.log.read(until):
            self._try(partial(self._apply_accepted, batch))
            self.read += len(batch)
            if time.monotonic() - self.said_at >= SAY_SECONDS:
                self._progress(until)
        self._progress(until)

    def swap(self) -> None:
        """Come close to the consumers, then hold them, and let the new generation take over."""
        generations = Generations(self.db)
        try:
            for _ in range(TRIES):
                behind = sum(self.positions.topic(self.domain.topic).values()) - sum(self.log.at().values())
                if behind <= CLOSE:
                    generations.hold(self.domain.name, HOLD_SECONDS)
                self.replay(self.positions.topic(self.domain.topic))
                if behind <= CLOSE and self._take_over():
                    return
        finally:
            generations.release(self.domain.name)
        raise Unavailable(f"the consumers are faster than the rebuild: {TRIES} tries to catch up with them failed")

    def drop(self, generation: int) -> None:
        self.how.store(self.db, None, generation).drop()

    def _take_over(self) -> bool:
        at = self.log.at()

        def work(session: ClientSession) -> bool:
            if any(at.get(p) != offset for p, offset in self.positions.topic(self.domain.topic, session).items()):
                return False  # a batch that was under way came before it
            live, fresh = (self.how.store(self.db, session, number) for number in (self.live, self.fresh))
            told = self.how.take_over(live, fresh, self.differ.union(raised), at)
            PendingEvents(self.db).add(session, [to_pending(derived) for derived in told])
            self.positions.touch(session, self.domain.topic)
            Generations(self.db).switch(session, self.domain.name, self.fresh)
            return True

        raised = self.how.raised(self.how.store(self.db, None, self.live))
        try:
            return client.in_transaction(self.db, work)
        except Unavailable:  # a consumer's batch came between: it won, and there is more to replay
            return False

    def _apply_accepted(self, batch: Sequence[Message]) -> None:
        """What was refused when it was new stays so, also where a rule would decide otherwise in the order of today."""
        refused = Rejections(self.db).among(message.receipt for message in batch)
        events = decoded(self.domain, [message for message in batch if message.receipt not in refused])

        def work(session: ClientSession) -> None:
            store = self.how.store(self.db, session, self.fresh)
            privacy.replay(self.model, store, Erasures(self.db, self.domain.name), session, events)

        client.in_transaction(self.db, work)

    def _try(self, act: Callable[[], T]) -> T:
        """A database that is away or slow for a moment costs time, not the work done so far."""
        for _ in range(10):
            try:
                return act()
            except Unavailable as outage:
                self.say(f"trying again: {outage}")
                time.sleep(0.5)
        return act()

    def _progress(self, until: dict[int, int]) -> None:
        self.said_at = time.monotonic()
        total = sum(until.values())
        self.say(f"replayed {self.read:,} of {total:,} events ({100 * self.read // max(1, total)} %)")


def decoded(domain: Domain, batch: Sequence[Message]) -> list[Event]:
    """The events of a batch; what can't be decoded was refused when it was new, and is refused now."""
    events = []
    for message in batch:
        try:
            events.append(decode(domain, message))
        except InvalidInput:
            continue
    return events


def prints(store: GenerationStore, collections: Sequence[str]) -> Prints:
    """A hash of each document by its id, whatever the order of its fields."""
    return {name: {doc["_id"]: _print(doc) for doc in store.every(name)} for name in collections}


def changed(had: Mapping[str, bytes], has: Mapping[str, bytes]) -> set[str]:
    """The ids of documents that both have, and that look different."""
    return {id for id in had.keys() & has.keys() if had[id] != has[id]}


def differences(live: Prints, fresh: Prints) -> list[str]:
    """One line for each document that only one of the two has, or that looks different."""
    found = []
    for name, had in live.items():
        has = fresh[name]
        found += [f"{name} {id}: only in the live one" for id in had.keys() - has.keys()]
        found += [f"{name} {id}: only in the rebuilt one" for id in has.keys() - had.keys()]
        found += [f"{name} {id}: differs" for id in changed(had, has)]
    return sorted(found)


def _print(doc: Document) -> bytes:
    """Without what a repair raised the numbers by, of which the log tells nothing."""
    own = {name: doc[name] - more for name, more in doc.get("raised", {}).items()}
    plain = {name: value for name, value in doc.items() if name != "raised"} | own
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).digest()[:16]


def rebuild(work: Rebuild, *, check: bool, repair: bool) -> int:
    """0: the same, and swapped in unless `check`; 3: different, and swapped in only to `repair`.

    The program's other codes: 2 where it can't be done at all, 4 where database or broker stayed away.
    """
    work.prepare()
    found = work.compare()
    for line in found[:20]:
        work.say(line)
    work.say(f"{len(found)} documents differ" if found else "every document is the same")
    if check or (found and not repair):
        work.drop(work.fresh)
        work.say("nothing was changed")
        return 3 if found else 0
    work.swap()
    work.after_swap()
    work.say(f"generation {work.fresh} is the live one")
    time.sleep(READERS_FOLLOW_SECONDS)
    try:
        work.drop(work.live)
    except Unavailable as outage:
        work.say(f"generation {work.live} is of no use any more but could not be dropped: {outage}")
    return 3 if found else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="shopctl rebuild", description="Make read models anew from their topic.")
    parser.add_argument("domain", choices=rebuildable())
    parser.add_argument("--check", action="store_true", help="compare only, change nothing")
    parser.add_argument("--repair", action="store_true", help="swap even where the rebuilt ones differ")
    options = parser.parse_args(argv)
    with cli.exit_with_message(outage=cli.EXIT_UNAVAILABLE):
        settings = load(ConsumerSettings, os.environ)
        domain = DOMAINS[options.domain]
        hooks = read_model(domain.name).hooks
        db = client.connect(settings, "shopctl-rebuild")
        client.require_transactions(db)
        with topic_log(KafkaConnection.of(settings), domain.topic) as log:
            return rebuild(
                Rebuild(domain, db, log, say, hooks(settings, db).swapped),
                check=options.check,
                repair=options.repair,
            )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
