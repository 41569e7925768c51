"""`shopctl skip`: let a consumer group go past what can't be read, and keep that it was told to.

A batch that no consumer can fetch or decode holds its partition until the cause is gone. Where it never will be, a
person decides: the offsets are noted in the group's position, their receipts say `rejected`, rebuilds pass them too.
"""

from __future__ import annotations

import argparse
import sys

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS, TOPICS
from shop_core.events.receipts import Receipt
from shop_core.kafka.stable_offsets import Ends
from shop_core.mongo import client
from shop_core.mongo.positions import Positions, Standstill
from shopctl.target import Target, target_of
from shopctl.terminal import escaped


def run(arguments: argparse.Namespace) -> int:
    """0 when it was done, or nothing stands still; 1 where it was not wanted in the end."""
    target = target_of(arguments.state_dir)
    target.tell()
    db = client.connect(target.mongo, "shopctl-skip")
    if arguments.receipt is None:
        return _list(
            [
                each
                for domain in DOMAINS.values()
                for each in Positions(db, domain.group).blocked_partitions(domain.topic)
            ]
        )
    topic, partition, offset = Receipt.parse(arguments.receipt, list(TOPICS))
    positions = Positions(db, TOPICS[topic].group)
    found = [s for s in positions.blocked_partitions(topic) if (s.partition, s.offset) == (partition, offset)]
    if not found:
        raise ConfigError(
            f"{topic}-{partition} does not stand still at offset {offset}: `shopctl skip` lists what does."
        )
    standstill, end = found[0], checked_end(found[0], arguments.to, target)
    print(f"{topic}-{partition}: {end - offset} offsets from {offset} to {end - 1} will never be read.")
    print(escaped(standstill.reason))
    if not (arguments.yes or _agreed()):
        print("Nothing was changed.", file=sys.stderr)
        return 1
    if not positions.skip(standstill, end):
        raise ConfigError(f"{topic}-{partition} has moved on meanwhile: nothing was skipped.")
    print(f"{topic}-{partition} is read from offset {end} on.")
    return 0


def checked_end(standstill: Standstill, to: int | None, target: Target) -> int:
    """The offset to read on from: behind the batch, or where a person says, within the log."""
    end = standstill.end if to is None else to
    if end is None:
        raise ConfigError("Where the batch ends can't be read from it: say by --to OFFSET where to read on.")
    ends = Ends(target.kafka, standstill.topic)
    last = ends.committed([standstill.partition])[standstill.partition]
    ends.close()
    if not standstill.offset < end <= last:
        raise ConfigError(f"--to {end} must lie behind {standstill.offset} and not behind the log's end, {last}.")
    return end


def _list(blocked_partitions: list[Standstill]) -> int:
    for each in blocked_partitions:
        print(f"{each.topic}-{each.partition}-{each.offset}  {escaped(each.reason)}")
    if not blocked_partitions:
        print("No partition stands still.", file=sys.stderr)
    return 0


def _agreed() -> bool:
    """A terminal's yes; anything else than a terminal has to say --yes."""
    return sys.stdin.isatty() and input("Skip them? [y/N] ").strip().lower() in ("y", "yes")
