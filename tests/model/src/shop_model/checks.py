"""The shop against the model, once the shop has come to rest: every view of a town, and every answer by its receipt."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from shop_model import campaign_views, log, spoiling, views
from shop_model.campaigns import Campaigns
from shop_model.rules import Analytics, Catalog, Domain, Purchases
from shop_model.town import Town

TOPICS: dict[str, type[Domain]] = {
    "shop.purchases": Purchases,
    "shop.catalog": Catalog,
    "shop.analytics": Analytics,
    "shop.campaigns": Campaigns,
}
KEY_USED = "used before"


@dataclass
class Judge:
    """Of one platform; `asked` are the receipts, and the faults, that were told already. `rebuildable`: the domains
    whose read models can be made anew."""

    platform: Any
    until: Callable[..., None]
    rebuildable: tuple[str, ...]
    asked: set[str] = field(default_factory=set)

    def differences(self, town: Town, spoiled: Collection[str] = ()) -> list[str]:
        """`spoiled`: the products that were not right for a while, whose numbers are higher since."""
        logs = self.settled()
        models = self.replayed(logs)
        told = views.raised(views.asker(self.platform.request), models["shop.catalog"], spoiled)
        return [*told, *self._views(town, models), *self._answers(town)]

    def tools(self) -> list[str]:
        """What the commands find that compare the read models with the log, and with themselves; it is then put right,
        so that what is found next has come since."""
        found = []
        words = [("rebuild", domain, *flag) for domain in self.rebuildable for flag in ((), ("--check",))]
        for command in (("verify", "ratings"), *words):
            done = self.platform.shopctl(*command)
            found += [] if done.returncode == 0 else [f"shopctl {' '.join(command)}: {done.returncode} {done.stdout}"]
        for domain in self.rebuildable if found else ():
            self.platform.shopctl("rebuild", domain, "--repair")
        return found

    def repaired(self, town: Town) -> list[str]:
        """What is wrong after a hand in the database spoiled the catalog, and a repair made it anew. Every view and
        receipt is asked for once more, and no number that others read may have gone back."""
        spoiled = spoiling.spoil(self.platform.db, town.products)
        done = self.platform.shopctl("rebuild", "catalog", "--repair")
        found = [] if done.returncode == 3 else [f"a repair of what was spoiled: {done.returncode} {done.stdout}"]
        return [*found, *replace(self, asked=set()).differences(town, spoiled), *self.tools()]

    def everything(self, town: Town) -> list[str]:
        return [*self.differences(town), *self.tools()]

    def settled(self) -> dict[str, list[list[log.Record]]]:
        """The logs, when all of them is applied and told."""
        logs = {topic: log.read(self.platform.bootstrap, topic) for topic in TOPICS}
        for topic, partitions in logs.items():
            ends = {number: len(records) for number, records in enumerate(partitions)}
            self.until(lambda topic=topic, ends=ends: self.platform.passed(ends, topic), f"{topic} is drained", 120)
        self.until(lambda: self.platform.db["outbox"].count_documents({}) == 0, "every change is told", 60)
        time.sleep(1.2)  # as long as what is read may be behind what is stored; nothing tells when it isn't
        return logs

    def replayed(self, logs: dict[str, list[list[log.Record]]]) -> dict[str, Any]:
        """Each domain by its rules; the shop's own word is taken for keys in two partitions alone."""
        found: dict[str, Any] = {}
        for topic, partitions in logs.items():
            query = {"topic": topic, "status": 409, "reason": {"$regex": KEY_USED}}
            domain = TOPICS[topic](key_refused={doc["_id"] for doc in self.platform.db["rejections"].find(query)})
            domain.key_refused -= {r.receipt for r in log.in_order(partitions) if r.type == log.ERASED}
            domain.replay(log.in_order(partitions))
            found[topic] = domain
        return found

    def _views(self, town: Town, models: dict[str, Any]) -> Iterator[str]:
        ask = views.asker(self.platform.request)
        purchases, catalog, analytics, campaigns = (models[topic] for topic in TOPICS)
        yield from views.of_purchases(ask, purchases, town.users)
        yield from views.of_catalog(ask, catalog, purchases, town.products)
        yield from views.of_exports(ask, purchases, catalog, town.users)
        yield from views.of_analytics(ask, analytics, town.users)
        yield from campaign_views.of_campaigns(ask, campaigns, town.campaigns)
        for domain in models.values():
            yield from views.of_receipts(ask, domain, self.asked)
        told = [record.data for record in log.in_order(log.read(self.platform.bootstrap, "shop.ratings"))]
        yield from views.of_ratings([each for each in told if each["productid"] in town.products], catalog)

    def _answers(self, town: Town) -> Iterator[str]:
        """What each client was told while it waited is what its receipt says for good."""
        ask = views.asker(self.platform.request)
        for each in town.exchanges:
            status, said = each.status, each.said
            if status >= 500 and status != 503:
                yield f"{each.text}: {status} {said}"
            if (receipt := said.get("receipt")) is None or status in (202, 503):
                continue
            _, now = ask(f"/v1/receipts/{receipt}")
            expected = "stored" if status < 300 else "rejected"
            if now["state"] not in (expected, "accepted" if status == 204 else expected):
                yield f"{each.text}: {status}, but its receipt says {now}"
