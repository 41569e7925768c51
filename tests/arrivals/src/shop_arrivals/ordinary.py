"""Ordinary commands: what honest customers send by HTTP to each partition of a domain, beside what strangers put there.

Which key leads to which partition is learned from the receipts, so nothing in here knows the partitioner.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shop_arrivals.draws import PARTITIONS, Domain
from shop_arrivals.shop import Shop, Told

DomainPartition = tuple[Domain, int]
NEIGHBOUR_SECONDS = 10.0
BEHIND_SECONDS = 30.0
DATES = {"startDate": "2026-11-26T00:00:00Z", "endDate": "2026-11-27T00:00:00Z"}


@dataclass
class Customers:
    """One for each partition of each domain: a user who buys, a user who clicks, a product, a campaign."""

    shop: Shop
    names: dict[DomainPartition, str] = field(default_factory=dict)

    def meet(self) -> None:
        """Find somebody for every partition; each product and campaign is made for it."""
        for domain in Domain:
            missing = set(range(PARTITIONS))
            for _ in range(60):
                for name, receipt in self.shop.pool.map(self._first, [domain] * 8):
                    partition = partition_of(receipt)
                    self.names.setdefault((domain, partition), name)
                    missing.discard(partition)
                if not missing:
                    break
            assert not missing, f"no key of {domain} leads to {missing}"

    def act(self, partitions: Iterable[DomainPartition]) -> dict[str, float]:
        """A command for each of `partitions`: receipts, and when each was answered."""

        def one(partition: DomainPartition) -> tuple[str, float]:
            receipt = self._again(partition[0], self.names[partition])
            return receipt, time.monotonic()

        return dict(self.shop.pool.map(one, partitions))

    def _first(self, domain: Domain) -> tuple[str, str]:
        """Somebody new, and the receipt of what they did."""
        name = f"o-{uuid.uuid4().hex[:12]}"
        if domain is Domain.CATALOG:
            return self._made("/v1/products", {"name": name, "price": "1"})
        if domain is Domain.CAMPAIGNS:
            return self._made("/campaign-events/", {"name": name, **DATES})
        return name, self._again(domain, name)

    def _made(self, path: str, body: dict[str, Any]) -> tuple[str, str]:
        answer = self.shop.request("POST", path, body)
        assert answer.status == 202, (path, answer.status, answer.data)
        made = answer.json()
        return made["id"], made["receipt"]

    def _again(self, domain: Domain, name: str) -> str:
        changed = {"name": f"again {uuid.uuid4().hex[:8]}"}
        method, path, body = {
            Domain.PURCHASES: ("POST", "/v1/purchases", {"username": name, "userid": name, "price": "1.25"}),
            Domain.CATALOG: ("PATCH", f"/v1/products/{name}", changed),
            Domain.CAMPAIGNS: ("PATCH", f"/campaign-events/{name}", changed),
            Domain.ANALYTICS: ("POST", f"/analytics?timestamp={int(time.time() * 1000)}&user={name}&click", None),
        }[domain]
        answer = self.shop.request(method, path, body)
        assert answer.status in (202, 204), (path, answer.status, answer.data)
        return answer.headers["X-Receipt"] if answer.status == 204 else str(answer.json()["receipt"])


@dataclass(frozen=True)
class Late:
    """An ordinary command that was not stored in time."""

    receipt: str
    told: Told | None
    within: float

    def __str__(self) -> str:
        what = "not settled" if self.told is None else f"{self.told.state} {self.told.reason}".strip()
        return f"{self.receipt}: {what} (after {self.within:g} s)"


def stored_in_time(shop: Shop, sent: dict[str, float], within: float) -> tuple[float, list[Late]]:
    """The slowest of the ordinary commands in seconds, and those that were not stored within `within`."""
    told = shop.await_results(sent, within)
    good = {receipt for receipt, each in told.items() if each.state == "stored" and each.seconds <= within}
    late = [Late(receipt, told.get(receipt), within) for receipt in sent if receipt not in good]
    return max((told[receipt].seconds for receipt in good), default=0.0), late


def partition_of(receipt: str) -> int:
    return int(receipt.rsplit("-", 2)[1])
