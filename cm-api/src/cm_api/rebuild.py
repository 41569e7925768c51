"""`python -m cm_api.rebuild DOMAIN`: a domain's read models made anew from its topic, compared, and swapped in.

The new generation grows beside the live one, which goes on being read and written. At the swap, one transaction makes
it the live one and sets the positions to where it stands: facts and positions stay a pair, and the consumers, which
find their positions moved, read on from there. It never runs ahead of them, so nothing they have to tell is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

from cm_api import people
from cm_api.domains import hooks, rebuildable, room
from cm_api.settings import ConsumerSettings
from shop_core import mongo, serve
from shop_core.errors import ConfigError, InvalidInput, Outage
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, Event, Message, decode
from shop_core.kafka.log import TopicLog, topic_log
from shop_core.mongo import ClientSession, Database, Document, Erasures, Generations, Positions
from shop_core.settings import load

CLOSE = 500  # events behind the live positions that a swap may leave for the consumers to read again
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
    log: TopicLog
    say: Say
    after_swap: Callable[[], None]
    read: int = 0
    said_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.room: ModuleType = room(self.domain.name)
        self.positions = Positions(self.db, self.domain.group)
        self.live = Generations(self.db).current(self.domain.name)
        self.fresh = self.live + 1

    def prepare(self) -> None:
        """An empty generation; `ConfigError` when the log no longer tells the whole story."""
        stored = self.positions.stored(self.domain.topic)
        self.log.skips = {p: {skip.start: skip.end for skip in at.skipped} for p, at in stored.items()}
        if lost := {p: first for p, first in self.log.starts().items() if first > 0}:
            raise ConfigError(f"{self.domain.topic} has lost its start in {len(lost)} partitions: it can't be rebuilt.")
        self.drop(self.fresh)
        self.room.ensure_indexes(self.db, self.fresh)

    def compare(self) -> list[str]:
        """Replay to where the live generation is now, and tell each document that differs there."""

        def look(session: ClientSession) -> tuple[dict[int, int], Prints]:
            store = self.room.Store(self.db, session, self.live)
            return self.positions.topic(self.domain.topic, session), prints(store, self.room.COLLECTIONS)

        def look_at_fresh(session: ClientSession) -> Prints:
            return prints(self.room.Store(self.db, session, self.fresh), self.room.COLLECTIONS)

        until, live = self._try(lambda: mongo.in_transaction(self.db, look))
        self.replay(until)
        return differences(live, self._try(lambda: mongo.in_transaction(self.db, look_at_fresh)))

    def replay(self, until: dict[int, int]) -> None:
        """Apply what lies between here and `until`. Known ids change nothing, so a batch may be tried again."""
        for batch in self.log.read(until):
            self._try(partial(self._apply, decoded(self.domain, batch)))
            self.read += len(batch)
            if time.monotonic() - self.said_at >= SAY_SECONDS:
                self._progress(until)
        self._progress(until)

    def swap(self) -> None:
        """Come close to the consumers, then let the new generation take over."""
        for _ in range(TRIES):
            until = self.positions.topic(self.domain.topic)
            behind = sum(until.values()) - sum(self.log.at().values())
            self.replay(until)
            if behind <= CLOSE and self._take_over():
                return
        raise Outage(f"the consumers are faster than the rebuild: {TRIES} tries to catch up with them failed")

    def drop(self, generation: int) -> None:
        self.room.Store(self.db, None, generation).drop()

    def _take_over(self) -> bool:
        at = self.log.at()

        def work(session: ClientSession) -> None:
            self.positions.set_back(session, self.domain.topic, at)
            Generations(self.db).switch(session, self.domain.name, self.fresh)

        try:
            mongo.in_transaction(self.db, work)
        except Outage:  # a consumer's batch came between: it won, and there is more to replay
            return False
        return True

    def _apply(self, events: Sequence[Event]) -> None:
        def work(session: ClientSession) -> None:
            store = self.room.Store(self.db, session, self.fresh)
            # Who was erased stays so, although the log still tells of them.
            living, _ = people.forget(self.room, store, Erasures(self.db, self.domain.name), session, events)
            self.room.apply(store, living)

        mongo.in_transaction(self.db, work)

    def _try(self, act: Callable[[], T]) -> T:
        """A database that is away or slow for a moment costs time, not the work done so far."""
        for _ in range(10):
            try:
                return act()
            except Outage as outage:
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


def prints(store: Any, collections: Sequence[str]) -> Prints:
    """A hash of each document by its id, whatever the order of its fields."""
    return {name: {doc["_id"]: _print(doc) for doc in store.every(name)} for name in collections}


def differences(live: Prints, fresh: Prints) -> list[str]:
    """One line for each document that only one of the two has, or that looks different."""
    found = []
    for name, had in live.items():
        has = fresh[name]
        found += [f"{name} {id}: only in the live one" for id in had.keys() - has.keys()]
        found += [f"{name} {id}: only in the rebuilt one" for id in has.keys() - had.keys()]
        found += [f"{name} {id}: differs" for id in had.keys() & has.keys() if had[id] != has[id]]
    return sorted(found)


def _print(doc: Document) -> bytes:
    return hashlib.sha256(json.dumps(doc, sort_keys=True, default=str).encode()).digest()[:16]


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
    except Outage as outage:
        work.say(f"generation {work.live} is of no use any more but could not be dropped: {outage}")
    return 3 if found else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="shopctl rebuild", description="Make read models anew from their topic.")
    parser.add_argument("domain", choices=rebuildable())
    parser.add_argument("--check", action="store_true", help="compare only, change nothing")
    parser.add_argument("--repair", action="store_true", help="swap even where the rebuilt ones differ")
    options = parser.parse_args(argv)
    with serve.one_sentence(outage=serve.NOT_JUDGED):
        settings = load(ConsumerSettings, os.environ)
        domain = DOMAINS[options.domain]
        db = mongo.connect(settings, "shopctl-rebuild")
        mongo.require_transactions(db)
        with topic_log(settings.bootstrap_servers, domain.topic) as log:
            return rebuild(
                Rebuild(domain, db, log, say, hooks(domain.name, settings, db).swapped),
                check=options.check,
                repair=options.repair,
            )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
