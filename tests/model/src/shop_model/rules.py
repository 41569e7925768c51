"""What a domain's log comes to, by the rules of docs/: each command is done once, or refused with a status.

The log has no order between partitions. Where one key was used in two of them, the shop decides once, and its receipts
say how: `key_refused` are those. All else follows from the logs alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shop_model.log import ERASED, Record

DONE = 200


class Refused(Exception):
    """A command breaks a rule; the status says the same."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Domain:
    """Ids with their digests and partitions, erasures by partition, and what became of each record."""

    key_refused: set[str] = field(default_factory=set)
    known: dict[str, str] = field(default_factory=dict)
    told_in: dict[str, int] = field(default_factory=dict)
    erasures: dict[tuple[int, str], str] = field(default_factory=dict)
    became: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    copies: set[str] = field(default_factory=set)

    def replay(self, records: Iterable[Record]) -> None:
        every = list(records)
        for record in every:
            self.became[record.receipt] = self._erase(record) if record.type == ERASED else self._once(record)
        for record in every:
            if record.receipt in self.key_refused and self.known.get(record.id, record.digest) == record.digest:
                self.faults.append(f"{record.receipt} was refused for its key, but no other command holds that")

    def _erase(self, record: Record) -> int:
        """A copy holds for its own partition; known, it changes nothing."""
        place = (record.partition, record.id)
        if record.partition:
            self.copies.add(record.receipt)
        if place in self.erasures:
            return DONE if self.erasures[place] == record.digest else 409
        self.erasures[place] = record.digest
        self.erase(record.user, record.partition)
        return DONE

    def _once(self, record: Record) -> int:
        if record.receipt in self.key_refused:
            return 409
        if self.knows(record) and (self.known[record.id] == record.digest or self._decided_before(record)):
            return DONE
        try:
            self.do(record)
        except Refused as refused:
            return refused.status
        if self.knows(record):
            self.faults.append(f"{record.receipt}: two commands were done under {record.id}")
        self.known[record.id] = record.digest
        self.told_in[record.id] = record.partition
        return DONE

    def _decided_before(self, record: Record) -> bool:
        """Whether the other command under this key came first for sure: then this one was to be refused for it. In
        another partition it may have come later, and this one be refused by a rule of its own."""
        if self.told_in[record.id] != record.partition:
            return False
        self.faults.append(f"{record.receipt} was not refused for its key, {record.id}")
        return True

    def knows(self, record: Record) -> bool:
        return record.id in self.known

    def do(self, record: Record) -> None:
        raise NotImplementedError

    def erase(self, user: str, partition: int) -> None:
        """What this partition told of the user before goes."""


@dataclass(frozen=True)
class Profile:
    """A user's purchases in sum, and the name of the one that came last."""

    count: int
    total: Decimal
    first: datetime
    last: datetime
    username: str


@dataclass
class Purchases(Domain):
    """Purchases by id, each with the partition that told it, in the order in which they were told."""

    made: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def do(self, record: Record) -> None:
        self.made[record.id] = record.partition, record.data

    def erase(self, user: str, partition: int) -> None:
        self.made = {id: (p, d) for id, (p, d) in self.made.items() if (p, d["userid"]) != (partition, user)}

    def of(self, user: str) -> dict[str, dict[str, Any]]:
        return {id: data for id, (_, data) in self.made.items() if data["userid"] == user}

    def profile(self, user: str) -> Profile | None:
        mine = list(self.of(user).values())
        if not mine:
            return None
        moments = [datetime.fromisoformat(each["timestamp"]) for each in mine]
        total = sum((Decimal(each["price"]) for each in mine), Decimal())
        return Profile(len(mine), total, min(moments), max(moments), mine[-1]["username"])


@dataclass
class Product:
    """What is sold, and how often its rating and its look changed."""

    data: dict[str, Any]
    sequence: int = 0
    version: int = 1


@dataclass
class Catalog(Domain):
    """Products, and reviews by id with the partition that told them; one review a user and product."""

    products: dict[str, Product] = field(default_factory=dict)
    reviews: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def do(self, record: Record) -> None:
        what, data = record.type.split(".")[1:3], record.data
        if what == ["product", "created"]:
            if data["productid"] in self.products:
                raise Refused(409)
            self.products[data["productid"]] = Product(dict(data))
        elif what[0] == "product":
            self._product(data["productid"], 404)
            self._update(data) if what[1] == "updated" else self._delete(data["productid"])
        elif what[1] == "added":
            self._add(record)
        else:
            self._change(data, gone=what[1] == "deleted")

    def erase(self, user: str, partition: int) -> None:
        for id, (told_by, data) in list(self.reviews.items()):
            if (told_by, data["userid"]) == (partition, user):
                del self.reviews[id]
                self._rated(data["productid"])

    def of_product(self, id: str) -> dict[str, dict[str, Any]]:
        return {review: data for review, (_, data) in self.reviews.items() if data["productid"] == id}

    def of_user(self, id: str) -> set[str]:
        return {review for review, (_, data) in self.reviews.items() if data["userid"] == id}

    def stars(self, id: str) -> list[int]:
        return sorted(data["rating"] for data in self.of_product(id).values())

    def _product(self, id: str, status: int) -> Product:
        if id not in self.products:
            raise Refused(status)
        return self.products[id]

    def _update(self, data: dict[str, Any]) -> None:
        product = self.products[data["productid"]]
        product.data |= data
        product.version += 1

    def _delete(self, id: str) -> None:
        del self.products[id]
        for review in self.of_product(id):
            del self.reviews[review]

    def _rated(self, id: str) -> None:
        self.products[id].sequence += 1
        self.products[id].version += 1

    def _add(self, record: Record) -> None:
        data = record.data
        self._product(data["productid"], 422)
        if any(each["userid"] == data["userid"] for each in self.of_product(data["productid"]).values()):
            raise Refused(409)
        if data["reviewid"] in self.reviews:
            raise Refused(409)
        self.reviews[data["reviewid"]] = record.partition, dict(data)
        self._rated(data["productid"])

    def _change(self, data: dict[str, Any], *, gone: bool) -> None:
        self._product(data["productid"], 404)
        told_by, before = self.reviews.get(data["reviewid"], (0, {}))
        if before.get("productid") != data["productid"]:
            raise Refused(404)
        if before["userid"] != data["userid"]:
            raise Refused(422)
        if gone:
            del self.reviews[data["reviewid"]]
        else:
            self.reviews[data["reviewid"]] = told_by, before | data | {"timestamp": before["timestamp"]}
        if gone or before["rating"] != data["rating"]:
            self._rated(data["productid"])


@dataclass
class Analytics(Domain):
    """Clicks and impressions of each hour and day, and who is known to have been there. Only named events have ids."""

    counts: dict[tuple[int, int], dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: dict.fromkeys(("uniqueUsers", "clicks", "impressions"), 0))
    )
    visitors: set[tuple[tuple[int, int], int, str]] = field(default_factory=set)
    seen: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))

    def knows(self, record: Record) -> bool:
        return record.named and record.id in self.known

    def do(self, record: Record) -> None:
        for length in (3_600_000, 86_400_000):
            bucket = (length, record.data["timestamp"] // length)
            visitor = (bucket, record.partition, record.data["user"])
            self.counts[bucket][record.data["kind"] + "s"] += 1
            self.counts[bucket]["uniqueUsers"] += visitor not in self.visitors
            self.visitors.add(visitor)
            self.seen[record.data["user"]].add(bucket)

    def erase(self, user: str, partition: int) -> None:
        self.visitors = {each for each in self.visitors if each[1:] != (partition, user)}
