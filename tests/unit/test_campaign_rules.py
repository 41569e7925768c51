"""The rules between campaigns and their events, on the projection with a store in memory."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cm_api.batch_result import Outcome
from cm_api.domains.campaigns.projection import apply
from cm_api.domains.campaigns.working_set import Changes, listed
from shop_core.errors import InvalidInput
from shop_core.events import campaigns
from shop_core.events.envelope import Event
from shop_core.events.instants import Instant

DAY = datetime(2028, 2, 28, tzinfo=UTC)
TYPES = {struct: type_ for type_, struct in campaigns.DOMAIN.events.items()}
_numbers = itertools.count()


class MemoryCalendar:
    """`CampaignStore` in memory, as far as the projection needs it."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        return {id: self.known[id] for id in ids if id in self.known}

    def load(self, ids: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        found = [doc for id, doc in self.campaigns.items() if id in ids]
        inside = [doc for doc in self.events.values() if doc["campaignEventId"] in ids]
        return copy.deepcopy(found), copy.deepcopy(inside)

    def write(self, applied: Mapping[str, str], planned: Changes, inside: Changes) -> None:
        self.known |= applied
        for docs, changes in ((self.campaigns, planned), (self.events, inside)):
            for id in changes.gone:
                del docs[id]
            docs.update({doc["_id"]: doc for doc in changes.put})


def day(number: float) -> Instant:
    return Instant.of(DAY + timedelta(days=number))


def event(data: Any, id: str | None = None, digest: str = "d") -> Event:
    data.check()
    number = next(_numbers)
    return Event(id or f"e{number}", TYPES[type(data)], DAY, digest, data, f"shop.campaigns-0-{number}")


def campaign(id: str = "c", start: float = 0, end: float = 10, name: str = "Sale") -> campaigns.CampaignCreated:
    return campaigns.CampaignCreated(campaignid=id, name=name, start_date=day(start), end_date=day(end))


def inside(id: str, start: float, end: float, name: str, of: str = "c") -> campaigns.CampaignEventCreated:
    return campaigns.CampaignEventCreated(
        campaignid=of, eventid=f"{of}.{id}", name=name, start_date=day(start), end_date=day(end)
    )


def run(store: MemoryCalendar, *data: Any) -> Outcome:
    return apply(store, [each if isinstance(each, Event) else event(each) for each in data])  # type: ignore[arg-type]


def reasons(outcome: Outcome) -> list[str]:
    return [refusal.reason for refusal in outcome.refused]


def test_an_event_lies_inside_its_campaign_and_has_a_name_of_its_own() -> None:
    store = MemoryCalendar()
    outcome = run(
        store, campaign(), inside("1", 0, 10, "Whole"), inside("2", 1, 2, "Whole"), inside("3", 9, 10.01, "Late"),
        inside("4", -0.01, 1, "Early"), inside("5", 1, 2, "Lost", of="nowhere"),
    )  # fmt: skip
    assert outcome.applied == 2 and set(store.events) == {"c.1"}
    named, late, early, lost = reasons(outcome)
    assert "'Whole'" in named and "inside its campaign" in late and "inside its campaign" in early
    assert "no campaign nowhere" in lost


def test_a_change_that_leaves_events_outside_names_them_and_changes_nothing() -> None:
    store = MemoryCalendar()
    run(store, campaign(), inside("1", 0, 1, "Opening"), inside("2", 8, 9, "Finale"), inside("3", 3, 4, "Middle"))
    before = copy.deepcopy(store.campaigns)
    outcome = run(store, campaigns.CampaignChanged(campaignid="c", name="X", start_date=day(2), end_date=day(5)))
    assert reasons(outcome) == ["these events would lie outside the campaign: 'Finale', 'Opening'"]
    assert outcome.refused[0].code == "conflict" and store.campaigns == before
    assert run(store, campaigns.CampaignChanged(campaignid="c", end_date=day(9))).applied == 1
    refused = run(store, campaigns.CampaignChanged(campaignid="c", end_date=day(-1)))
    assert "endDate must be after startDate" in reasons(refused)[0]


def test_deleting_a_campaign_deletes_its_events_and_no_others() -> None:
    store = MemoryCalendar()
    run(store, campaign(), campaign("d"), inside("1", 0, 1, "A"), inside("1", 0, 1, "A", of="d"))
    run(store, campaigns.CampaignDeleted(campaignid="c"))
    assert (set(store.campaigns), set(store.events)) == ({"d"}, {"d.1"})
    gone = run(store, campaigns.CampaignEventDeleted("c", "c.1"), campaigns.CampaignDeleted("c"))
    assert reasons(gone) == ["there is no event c.1", "there is no campaign c"]


def test_what_comes_twice_changes_nothing_even_after_a_deletion() -> None:
    store = MemoryCalendar()
    first = event(campaign(), id="named")
    deleted = event(campaigns.CampaignDeleted("c"))
    assert run(store, first, deleted).applied == 2
    again = run(store, first, deleted)
    assert (again.applied, again.duplicates, store.campaigns) == (0, 2, {})
    other = run(store, event(campaign(name="Other"), id="named", digest="other"))
    assert other.refused[0].code == "conflict"


def test_names_may_be_exchanged_within_one_batch() -> None:
    store = MemoryCalendar()
    run(store, campaign(), inside("1", 0, 1, "A"), inside("2", 0, 1, "B"))
    names = [("c.1", "T"), ("c.2", "A"), ("c.1", "B")]
    changes = [campaigns.EventChanged(campaignid="c", eventid=id, name=name) for id, name in names]
    assert run(store, *changes).applied == 3
    assert {id: doc["name"] for id, doc in store.events.items()} == {"c.1": "B", "c.2": "A"}


@pytest.mark.parametrize(
    "data",
    [campaign(name=""), campaign(name="x" * 201), campaign(name="a\nb"), campaign(start=1, end=1),
     inside("1", 2, 1, "A"), campaigns.CampaignEventDeleted("c", "d.1")],
)  # fmt: skip
def test_what_no_state_can_allow_is_no_event(data: Any) -> None:
    with pytest.raises(InvalidInput):
        data.check()


def test_long_lists_of_names_are_cut() -> None:
    assert listed([f"n{n}" for n in range(23)]).endswith("'n19' and 3 more")


names, ids = st.sampled_from("ABC"), st.sampled_from("12")
days = st.integers(0, 6)
spans = st.tuples(days, st.integers(1, 4)).map(lambda pair: (pair[0], pair[0] + pair[1]))


class Planning(RuleBasedStateMachine):
    """Whatever is asked for in whatever order, the rules hold of what is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryCalendar()

    @rule(id=ids, span=spans)
    def plan(self, id: str, span: tuple[int, int]) -> None:
        run(self.store, campaign(id, *span))

    @rule(id=ids, of=ids, span=spans, name=names)
    def plan_inside(self, id: str, of: str, span: tuple[int, int], name: str) -> None:
        run(self.store, inside(id, *span, name, of=of))

    @rule(id=ids, start=st.none() | days, end=st.none() | days)
    def change(self, id: str, start: int | None, end: int | None) -> None:
        given = {"start_date": start, "end_date": end}
        dates = {name: day(number) for name, number in given.items() if number is not None}
        change = campaigns.CampaignChanged(campaignid=id, **dates)  # type: ignore[arg-type]
        if start is None or end is None or start < end:
            run(self.store, change)

    @rule(id=ids, of=ids, name=names, start=days)
    def change_inside(self, id: str, of: str, name: str, start: int) -> None:
        data = campaigns.EventChanged(campaignid=of, eventid=f"{of}.{id}", name=name, start_date=day(start))
        run(self.store, data)

    @rule(id=ids)
    def call_off(self, id: str) -> None:
        run(self.store, campaigns.CampaignDeleted(campaignid=id))

    @invariant()
    def rules_hold(self) -> None:
        for doc in [*self.store.campaigns.values(), *self.store.events.values()]:
            assert doc["startDate"] < doc["endDate"]
        seen = set()
        for doc in self.store.events.values():
            around = self.store.campaigns[doc["campaignEventId"]]
            assert around["startDate"] <= doc["startDate"] and doc["endDate"] <= around["endDate"]
            assert (doc["campaignEventId"], doc["name"]) not in seen
            seen.add((doc["campaignEventId"], doc["name"]))


TestPlanning = Planning.TestCase
TestPlanning.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
