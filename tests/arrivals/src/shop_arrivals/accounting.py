"""accepted = stored + duplicate + rejected, to the event: what the topic says against receipts and read models.

The topic alone says what was accepted, and by source and id which of it is a duplicate; the receipts say what was
rejected; the read models must show each stored event once and nothing of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shop_arrivals.draws import Domain
from shop_arrivals.ordinary import BEHIND_SECONDS
from shop_arrivals.records import CREATED, Foreign
from shop_arrivals.shop import Shop, Told, sent_now
from shop_arrivals.topic import Committed, Topic, source_of
from shop_arrivals.verdicts import Verdict

# Where a created thing of each domain lies, and the field that holds its marker; interactions are only counted.
EFFECTS = {
    Domain.PURCHASES: ("purchases", "userid"),
    Domain.CATALOG: ("products", "name"),
    Domain.CAMPAIGNS: ("campaigns", "name"),
}
Identity = tuple[bytes, bytes]


@dataclass
class Ledger:
    """The account of one domain. `faults` are sentences about what does not add up."""

    domain: Domain
    shop: Shop
    topic: Topic
    letters: Topic
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    _delivered: set[str] = field(default_factory=set)
    _known: dict[Identity, str] = field(default_factory=dict)

    def settle(self, sent: Mapping[str, Foreign]) -> None:
        """Account for what came since the last time; `sent` are the records of strangers among it, by receipt."""
        records = self.topic.read()
        told = self.shop.await_results(sent_now(self._asked(records)), BEHIND_SECONDS)
        effects: Counter[str] = Counter()
        for record in records:
            self.tally["accepted"] += 1
            if (state := told.get(record.receipt)) is None:
                self.faults.append(f"{record.receipt} stays accepted: {sent.get(record.receipt, 'ordinary')}")
                continue
            outcome = self._outcome(record, state)
            self.tally[outcome] += 1
            foreign = sent.get(record.receipt)
            if foreign is not None:
                self._judge(foreign, record, state, outcome)
                effects[foreign.marker] += outcome == "stored"
        self.faults += [f"{receipt} (the end) stays accepted" for receipt in self._ends() if receipt not in told]
        self._look(effects, [each for each in sent.values() if each.draw.domain is self.domain])

    def undelivered(self) -> set[str]:
        """The receipts of rejected records that no letter is about."""
        self._delivered |= {source_of(letter) for letter in self.letters.read()}
        return self.rejected - self._delivered

    def close(self) -> None:
        self.topic.close()
        self.letters.close()

    def totals(self) -> None:
        """The read model as a whole: as many things as were stored, and as many rejections as were told."""
        made = self.tally["made"]
        if (count := self._made()) != made:
            self.faults.append(f"{self.domain} shows {count} events that make something, the log has {made}")
        if (known := self._count("rejections", {"topic": self.domain.topic})) != self.tally["rejected"]:
            self.faults.append(f"{self.domain} has {known} rejections, the receipts say {self.tally['rejected']}")
        if self.tally["accepted"] != sum(self.tally[name] for name in ("stored", "duplicate", "rejected")):
            self.faults.append(f"{self.domain}: accepted is not stored + duplicate + rejected: {dict(self.tally)}")

    def _asked(self, records: Sequence[Committed]) -> list[str]:
        return [record.receipt for record in records] + self._ends()

    def _ends(self) -> list[str]:
        """The last offset of each partition, which may be a control record."""
        return [f"{self.topic.name}-{partition}-{end - 1}" for partition, end in self.topic.ends.items() if end]

    def _outcome(self, record: Committed, state: Told) -> str:
        """stored, duplicate or rejected; of two equal ones the first counts."""
        if state.state == "rejected":
            self.rejected.add(record.receipt)
            return "rejected"
        identity = (record.header("ce_source") or b"", record.header("ce_id") or b"")
        digest = (record.header("ce_digest") or b"").decode(errors="replace") or record.value_digest
        if identity in self._known:
            if self._known[identity] != digest:
                self.faults.append(f"{record.receipt} is stored, but {identity} was used for another body")
            return "duplicate"
        self._known[identity] = digest
        self.tally["made"] += (record.header("ce_type") or b"").decode(errors="replace") == CREATED[self.domain]
        return "stored"

    def _judge(self, foreign: Foreign, record: Committed, state: Told, outcome: str) -> None:
        """What is known beforehand of a record must be what it came to."""
        if foreign.verdict is Verdict.REFUSED and outcome != "rejected":
            self.faults.append(f"{record.receipt} is {outcome}, but must be rejected: {foreign.draw}")
        identity = (record.header("ce_source") or b"", record.header("ce_id") or b"")
        used = outcome == "rejected" and identity in self._known
        if foreign.verdict is Verdict.TAKEN and outcome == "rejected" and not used:
            self.faults.append(f"{record.receipt} is rejected ({state.reason}), but nothing is wrong: {foreign.draw}")

    def _look(self, effects: Mapping[str, int], sent: Iterable[Foreign]) -> None:
        """Each marker shows as often as its records were stored: once or never; never for what was not committed."""
        if self.domain not in EFFECTS:
            return
        collection, field_ = EFFECTS[self.domain]
        markers = {each.marker: each for each in sent}
        query = {field_: {"$in": list(markers)}}
        found = Counter(doc[field_] for doc in self.shop.platform.db[collection].find(query, {field_: 1}))
        for marker, each in markers.items():
            if found[marker] != effects.get(marker, 0):
                shown = f"shows {found[marker]} times instead of {effects.get(marker, 0)}"
                self.faults.append(f"{marker} {shown}: {each.draw}")

    def _made(self) -> int:
        if self.domain in EFFECTS:
            return self._count(EFFECTS[self.domain][0], {})
        counts = self.shop.platform.db["analytics_counts"].find({"step": "hour"}, {"clicks": 1, "impressions": 1})
        return sum(doc["clicks"] + doc["impressions"] for doc in counts)

    def _count(self, collection: str, query: dict[str, Any]) -> int:
        return int(self.shop.platform.db[collection].count_documents(query))
