"""From what Kafka and MongoDB say to what is told: states, the hot partition, and who reads it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from cm_ops.balance import PartitionBalance, applied, balance_of, partition_balances, total
from cm_ops.history import Totals
from shop_core.events.envelope import Domain
from shop_core.events.instants import format_instant
from shop_core.kafka.group_watch import LogState
from shop_core.mongo.positions import Account
from shop_core.responses.operations import Balance, DomainState, OpsSnapshot, PartitionState, Rates

State = Literal["calm", "busy", "growing", "stopped", "stuck"]
# As the operator's HotPartition has it: one partition alone holds most of a lag that is worth more than a pod or two.
HOT_SHARE, HOT_EVENTS = 0.5, 200
# Fewer wait at any moment, while all goes well.
FEW = 100


def domain_state(domain: Domain, accounts: Mapping[int, Account], log: LogState) -> DomainState:
    """All but the rates, which need another look to compare with."""
    partitions = partition_balances(accounts, log)
    balance = balance_of(partitions.values())
    readers = {number: member.name for member in log.members for number in member.partitions}
    told = [_partition(number, each, readers.get(number), balance) for number, each in partitions.items()]
    members = [member.name for member in log.members]
    return DomainState(domain.name, domain.topic, domain.group, "calm", members, balance, None, told)


def with_rates(state: DomainState, rates: Rates | None) -> DomainState:
    return msgspec.structs.replace(state, rates=rates, state=state_of(state, rates))


def _partition(number: int, one: PartitionBalance, member: str | None, balance: Balance) -> PartitionState:
    hot = balance.waiting > HOT_EVENTS and one.waiting > HOT_SHARE * balance.waiting
    return PartitionState(number, one.account.offset, one.end, one.waiting, member, hot, one.account.unreadable)


def state_of(state: DomainState, rates: Rates | None) -> State:
    """`stuck`: a partition can't be read on; `stopped`: something waits and nobody reads; `growing`: more comes in than
    goes out; `busy`: much waits, and becomes less."""
    if any(each.unreadable for each in state.partitions):
        return "stuck"
    if state.balance.waiting and not state.members:
        return "stopped"
    if state.balance.waiting <= FEW:
        return "calm"
    return "growing" if rates is None or rates.drain_seconds is None else "busy"


def snapshot(at: datetime, domains: list[DomainState]) -> OpsSnapshot:
    return OpsSnapshot(format_instant(at), total(each.balance for each in domains), domains)


def totals(state: DomainState) -> Totals:
    return Totals(state.balance.accepted, applied(state.balance), state.balance.waiting)
