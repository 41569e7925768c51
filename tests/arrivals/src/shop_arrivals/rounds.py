"""A small group of draws at a time: send it, see that ordinary commands are stored in time, and settle the accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shop_arrivals.accounting import Ledger
from shop_arrivals.acks import receipts_of
from shop_arrivals.draws import PARTITIONS, Domain, Draw, Padding, Repeat, Size, State
from shop_arrivals.ordinary import (
    BEHIND_SECONDS,
    NEIGHBOUR_SECONDS,
    Customers,
    DomainPartition,
    Late,
    stored_in_time,
)
from shop_arrivals.records import Foreign, records_of
from shop_arrivals.senders import Senders
from shop_arrivals.shop import Shop, sent_now
from shop_arrivals.topic import Topic

EVERY = [(domain, partition) for domain in Domain for partition in range(PARTITIONS)]
SHOWN = 12


@dataclass
class Figures:
    """What a run came to."""

    draws: int = 0
    records: int = 0
    refused_by_broker: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest_neighbour: float = 0.0
    slowest_behind: float = 0.0


@dataclass
class Rounds:
    """Everything that one platform is tried with."""

    shop: Shop
    senders: Senders
    customers: Customers
    ledgers: dict[Domain, Ledger]
    run: str
    figures: Figures = field(default_factory=Figures)

    @classmethod
    def of(cls, shop: Shop, senders: Senders, run: str) -> Rounds:
        bootstrap = shop.platform.bootstrap
        ledgers = {
            domain: Ledger(domain, shop, Topic(bootstrap, domain.topic), Topic(bootstrap, f"{domain.topic}.dlq"))
            for domain in Domain
        }
        return cls(shop, senders, Customers(shop), ledgers, run)

    def close(self) -> None:
        for ledger in self.ledgers.values():
            ledger.close()

    def play(self, draws: Sequence[Draw]) -> None:
        """One group. AssertionError with its draws when anything is late; `faults` gathers the rest."""
        records = list(self._records(draws))
        self.senders.send(records)
        sent = receipts_of(self.senders.acks, records)
        self._count(draws, records, sent)
        hit: set[DomainPartition] = {(draw.domain, draw.partition) for draw in draws}
        # With a transaction open in it a partition can't be read on; its neighbours can.
        held: set[DomainPartition] = {(draw.domain, draw.partition) for draw in draws if draw.state is State.OPEN}
        waiting = self.customers.act(held)
        beside = self.customers.act([partition for partition in EVERY if partition not in hit])
        behind = self.customers.act([partition for partition in EVERY if partition in hit - held])
        seconds, late = stored_in_time(self.shop, beside, NEIGHBOUR_SECONDS)
        self.figures.slowest_neighbour = max(self.figures.slowest_neighbour, seconds)
        self.senders.release()
        behind |= sent_now(waiting)  # their time counts from the transaction's end
        seconds, later = stored_in_time(self.shop, behind, BEHIND_SECONDS)
        self.figures.slowest_behind = max(self.figures.slowest_behind, seconds)
        if late or later:
            raise AssertionError(self._story(late, later, sent))
        for ledger in self.ledgers.values():
            ledger.settle(sent)

    def record(self, draw: Draw, **changes: Any) -> Foreign:
        """One record of this draw, with `value`, `headers` or `key` of a test's own."""
        (made,) = records_of(replace(draw, repeat=Repeat.NONE), self.figures.records, self.run)
        self.figures.records += 1
        return replace(made, **changes)

    def send(self, draw: Draw, **changes: Any) -> str:
        """Send such a record; its receipt."""
        return self.senders.send_one(self.record(draw, **changes))

    def beside_and_behind(self, domain: Domain, hit: Collection[int]) -> None:
        """Ordinary commands to every partition of a domain are stored in time, those behind what was sent as well."""
        behind = self.customers.act([(domain, partition) for partition in hit])
        self.beside(domain, hit)
        later = stored_in_time(self.shop, behind, BEHIND_SECONDS)[1]
        assert not later, self._story([], later, {})

    def beside(self, domain: Domain, hit: Collection[int]) -> None:
        """Ordinary commands to the partitions of a domain that are not `hit` are stored in time."""
        sent = self.customers.act([(domain, partition) for partition in range(PARTITIONS) if partition not in hit])
        late = stored_in_time(self.shop, sent, NEIGHBOUR_SECONDS)[1]
        assert not late, self._story(late, [], {})

    def totals(self) -> None:
        """The accounts of the whole run."""
        for ledger in self.ledgers.values():
            ledger.totals()

    @property
    def faults(self) -> list[str]:
        """What does not add up so far."""
        return [fault for ledger in self.ledgers.values() for fault in ledger.faults]

    def undelivered(self) -> set[str]:
        """The rejected records that no letter is about."""
        return {receipt for ledger in self.ledgers.values() for receipt in ledger.undelivered()}

    def lines(self) -> Iterator[str]:
        """The figures, for people."""
        told = self.figures
        yield f"{told.draws} draws, {told.records} records, {told.refused_by_broker} refused by broker or client"
        yield f"slowest neighbour {told.slowest_neighbour:.2f} s, slowest behind {told.slowest_behind:.2f} s"
        for domain, ledger in self.ledgers.items():
            tally = ledger.tally
            parts = ", ".join(f"{tally[name]} {name}" for name in ("accepted", "stored", "duplicate", "rejected"))
            yield f"{domain}: {parts}"
        yield ", ".join(f"{kind} {count}" for kind, count in sorted(told.kinds.items()))

    def _records(self, draws: Sequence[Draw]) -> Iterator[Foreign]:
        for draw in draws:
            made = list(records_of(draw, self.figures.records, self.run))
            self.figures.records += len(made)
            yield from made

    def _count(self, draws: Sequence[Draw], records: Sequence[Foreign], sent: dict[str, Foreign]) -> None:
        self.figures.draws += len(draws)
        self.figures.refused_by_broker += len(records) - len(sent)
        for draw in draws:
            for kind in (
                draw.client,
                draw.codec,
                f"transaction {draw.state}",
                f"size {draw.size}",
                f"key {draw.key}",
                f"stamp {draw.stamp}",
            ):
                self.figures.kinds[kind] += 1
            if draw.size is not Size.TINY and draw.padding is not Padding.SPACE:
                self.figures.kinds[f"padded {draw.padding}"] += 1
            self.figures.kinds["odd value"] += draw.value != "valid"
            self.figures.kinds["odd attribute"] += draw.attribute != "plain"
            self.figures.kinds[f"repeat {draw.repeat}"] += 1
            self.figures.kinds["odd extras"] += bool(draw.extras)

    def _story(self, late: list[Late], later: list[Late], sent: dict[str, Foreign]) -> str:
        """What is late, and which of the strangers' records the consumer stands before."""
        lines = ["Ordinary commands are not stored in time.", "In other partitions:"]
        lines += [f"  {each}" for each in late[:SHOWN]] + [f"  and {len(late) - SHOWN} more"] * (len(late) > SHOWN)
        lines += ["Behind what was drawn:", *(f"  {each}" for each in later[:SHOWN])]
        lines.append("Records that a consumer has not passed:")
        for domain in Domain:
            positions = self.shop.positions(domain)
            for receipt, foreign in sent.items():
                topic, partition, offset = receipt.rsplit("-", 2)
                if topic == domain.topic and int(offset) >= positions.get(int(partition), 0):
                    lines.append(f"  {receipt}: {foreign.draw!r}")
        return "\n".join(lines)
