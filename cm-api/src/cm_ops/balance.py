"""The conservation line of a domain: accepted = stored + duplicate + rejected + waiting (+ gone …). Pure.

Both sides come from offsets: the counts from the positions' own documents, the rest from the log's beginning and end. A
position must have been read before the log was, so that nothing can be stored that the log does not have yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shop_core.kafka.group_watch import LogState
from shop_core.mongo.event_counts import EventCounts
from shop_core.mongo.positions import Account
from shop_core.responses.operations import Balance

UNKNOWN = Account(0, "", EventCounts())


@dataclass(frozen=True)
class PartitionBalance:
    """One partition: its account, the log's end, what waits in it, and what is gone that no consumer has seen yet."""

    account: Account
    end: int
    waiting: int
    gone: int


def partition_balances(accounts: Mapping[int, Account], log: LogState) -> dict[int, PartitionBalance]:
    """By partition. What stands in another topic of that name counts for nothing here, as for the consumers."""
    found = {}
    for partition, end in sorted(log.ends.items()):
        account = accounts.get(partition, UNKNOWN)
        account = account if account.topic_id == log.topic_id else UNKNOWN
        start = min(log.starts.get(partition, 0), end)
        waiting = max(0, end - max(account.offset, start))
        found[partition] = PartitionBalance(account, end, waiting, max(0, start - account.offset))
    return found


def balance_of(partitions: Iterable[PartitionBalance]) -> Balance:
    return total(_balance(each) for each in partitions)


def _balance(one: PartitionBalance) -> Balance:
    """An offset without an event was never accepted; the last of them wait to be known as such."""
    counts = one.account.counts
    accepted, gone = one.end - counts.empty, counts.gone + one.gone
    known = counts.total - counts.empty + one.gone + one.waiting
    return Balance(
        accepted=accepted, stored=counts.stored, duplicate=counts.duplicate, rejected=counts.rejected,
        waiting=one.waiting, gone=gone, skipped=counts.skipped, moved=counts.moved, difference=accepted - known,
    )  # fmt: skip


def total(balances: Iterable[Balance]) -> Balance:
    names, every = Balance.__struct_fields__, [msgspec.structs.asdict(each) for each in balances]
    return Balance(**{name: sum(each[name] for each in every) for name in names})


def applied(balance: Balance) -> int:
    """What was dealt with, in whichever way."""
    return balance.stored + balance.duplicate + balance.rejected
