"""The checker finds each planted fault among 100,000 events, and nothing else; a clean history has a clean verdict."""

from __future__ import annotations

import gc
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from shop_faults import customers
from shopctl.proof.checker import Verdict, check
from shopctl.proof.history import Answer, Command, Content, History, Kind, Outcome, Sent
from shopctl.proof.recount import rating_of
from shopctl.proof.shown import Counts, Shown, Thing, Total

EVENTS = 100_000
HOURS = customers.HOURS
FIELD = {
    Kind.PURCHASE: "price",
    Kind.PRODUCT: "name",
    Kind.REVIEW: "text",
    Kind.CAMPAIGN: "endDate",
    Kind.EVENT: "name",
}


class Town:
    """A platform without faults, in memory: it does what the commands say, and shows it."""

    def __init__(self, seed: int) -> None:
        self.history = History()
        self.random = random.Random(seed)
        self.final: dict[tuple[Kind, str], Content] = {}
        self.done: list[Command] = []

    def send(self, command: Command, *statuses: int, takes_effect: bool) -> Sent:
        sent = self.history.add(command, float(command.number))
        for status in statuses:
            receipt = f"topic-0-{command.number}" if 200 <= status < 300 else ""
            sent.answers.append(Answer(float(command.number), 0.01, status, receipt))
        if takes_effect:
            self.done.append(command)
            if command.kind is not Kind.INTERACTION:
                self.final[command.kind, command.place] = command.content
        return sent

    def shown(self) -> Shown:
        things = [Thing(kind, f"id-{place}", place, content) for (kind, place), content in self.final.items()]
        shown = Shown(things)
        counts: Counter[str] = Counter()
        spent: defaultdict[str, Decimal] = defaultdict(Decimal)
        stars: dict[str, Counter[int]] = {
            f"id-{place}": Counter() for kind, place in self.final if kind is Kind.PRODUCT
        }
        for (kind, _), content in self.final.items():
            if kind is Kind.PURCHASE:
                counts[content["userid"]] += 1
                spent[content["userid"]] += Decimal(content["price"])
            if kind is Kind.REVIEW:
                stars[content["product"]][int(content["rating"])] += 1
        shown.totals = {user: Total(count, spent[user]) for user, count in counts.items()}
        shown.ratings = {product: rating_of(given) for product, given in stars.items()}
        shown.hours = self._hours()
        return shown

    def _hours(self) -> dict[int, Counts]:
        by_hour: defaultdict[int, list[Content]] = defaultdict(list)
        for command in self.done:
            if command.kind is Kind.INTERACTION:
                by_hour[int(command.content["hour"])].append(command.content)
        return {
            hour: Counts(
                len({each["user"] for each in all_}),
                *(sum(each["kind"] == kind for each in all_) for kind in ("click", "impression")),
            )
            for hour, all_ in by_hour.items()
        }


@dataclass
class Case:
    """What was sent, and what is shown of it; faults are planted into copies of both."""

    history: History
    shown: Shown
    sent_to: dict[tuple[Kind, str], list[Sent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.sent_to:
            for each in self.history.sent:
                self.sent_to.setdefault((each.command.kind, each.command.place), []).append(each)

    def planted(self) -> Case:
        shown = self.shown
        copy = Shown(
            list(shown.things), dict(shown.totals), dict(shown.ratings), dict(shown.hours), set(shown.rejected)
        )
        return Case(History(list(self.history.sent)), copy, self.sent_to)

    def thing(self, kind: Kind, *, changed: bool = False) -> Thing:
        """One that is there by an acknowledgement of its last command, and was or was not changed meanwhile."""
        for thing in self.shown.things:
            if thing.kind is kind:
                of = self.sent_to[kind, thing.place]
                all_done = all(each.outcome(()) is Outcome.DONE for each in of)
                if all_done and (len(of) > 1) == changed:
                    return thing
        raise AssertionError(f"no {kind} is there")

    def swap(self, thing: Thing, other: Thing) -> None:
        self.shown.things[self.shown.things.index(thing)] = other


@pytest.fixture(scope="module")
def clean() -> Iterator[Case]:
    """100,000 commands of all domains; of each 50 one is refused, of another one no answer came, and half of those
    took effect."""
    town, drawn = Town(7), customers.Customers("run", 7)
    for command in drawn.opening():
        drawn.ended(town.send(command, 202, takes_effect=True), f"id-{command.place}")
    for number in range(EVENTS - len(town.history.sent)):
        command = drawn.next()
        fate = number % 100
        if fate in (0, 50):
            sent = town.send(command, 422, takes_effect=False)
        elif fate in (20, 70):
            sent = town.send(command, 0, 503, takes_effect=fate == 20)
        else:
            sent = town.send(command, *((503, 202) if fate == 99 else (202,)), takes_effect=True)
        drawn.ended(sent, f"id-{command.place}")
    assert len(town.history.sent) == EVENTS
    case = Case(town.history, town.shown())
    gc.freeze()  # else each verdict has the collector look through all of it some times
    yield case
    gc.unfreeze()


def only(verdict: Verdict, name: str, *about: str) -> None:
    """The faults that were found are of this kind and about these, one each."""
    found = {kind: lines for kind, lines in verdict.faults.items() if lines}
    assert list(found) == [name], str(verdict)
    assert len(found[name]) == len(about), str(verdict)
    assert all(any(one in line for line in found[name]) for one in about), str(verdict)


def test_a_clean_history_has_a_clean_verdict(clean: Case) -> None:
    verdict = check(clean.history, clean.shown)
    assert verdict.clean, str(verdict)
    assert verdict.refused == EVENTS // 50 and abs(verdict.unknown - EVENTS // 50) <= 1
    assert {sent.command.kind for sent in clean.history.sent} == set(Kind)


def test_a_loss_of_each_kind_is_found(clean: Case) -> None:
    case = clean.planted()
    lost = [case.thing(kind) for kind in FIELD]
    for thing in lost:
        case.shown.things.remove(thing)
        case.shown.ratings.pop(thing.id, None)
    only(check(case.history, case.shown), "lost", *(thing.place for thing in lost))


def test_a_double_of_each_kind_is_found(clean: Case) -> None:
    case = clean.planted()
    twice = [case.thing(kind) for kind in FIELD]
    case.shown.things += [replace(thing, id="another") for thing in twice]
    only(check(case.history, case.shown), "doubled", *(thing.place for thing in twice))


def test_what_was_never_sent_is_a_ghost(clean: Case) -> None:
    case = clean.planted()
    strange = [replace(case.thing(kind), id="another", place=f"a-strange-{kind}") for kind in FIELD]
    case.shown.things += strange
    only(check(case.history, case.shown), "ghost", *(thing.place for thing in strange))


def test_what_was_refused_and_is_there_is_a_ghost(clean: Case) -> None:
    case = clean.planted()
    places = {(thing.kind, thing.place) for thing in case.shown.things}
    [refused, *_] = (
        sent.command
        for sent in case.history.sent
        if sent.command.kind is Kind.PURCHASE and (Kind.PURCHASE, sent.command.place) not in places
        and sent.outcome(()) is Outcome.REFUSED
    )  # fmt: skip
    case.shown.things.append(Thing(Kind.PURCHASE, "id", refused.place, refused.content))
    only(check(case.history, case.shown), "ghost", refused.place)


def test_what_a_consumer_rejected_and_is_there_is_a_ghost(clean: Case) -> None:
    """And what it rejected need not be there."""
    case = clean.planted()
    there = case.thing(Kind.CAMPAIGN)
    [sent] = case.sent_to[there.kind, there.place]
    case.shown.rejected.add(sent.answers[-1].receipt)
    only(check(case.history, case.shown), "ghost", there.place)
    case.shown.things.remove(there)
    assert check(case.history, case.shown).clean


def test_a_change_that_was_refused_and_is_shown_is_a_ghost(clean: Case) -> None:
    case = clean.planted()
    shown = case.thing(Kind.PRODUCT, changed=True)
    refused = customers.product(EVENTS + 1, shown.place, shown.id)
    case.history.add(refused, 0.0).answers.append(Answer(0.0, 0.1, 409))
    case.swap(shown, replace(shown, content=refused.content))
    only(check(case.history, case.shown), "ghost", shown.place)


def test_other_content_is_found(clean: Case) -> None:
    case = clean.planted()
    shown = [case.thing(kind) for kind in FIELD]
    for thing in shown:
        case.swap(thing, replace(thing, content={**thing.content, FIELD[thing.kind]: "other"}))
    only(check(case.history, case.shown), "changed", *(thing.place for thing in shown))


def test_an_earlier_state_is_disorder(clean: Case) -> None:
    case = clean.planted()
    shown = [case.thing(kind, changed=True) for kind in FIELD if kind is not Kind.PURCHASE]
    for thing in shown:
        first = case.sent_to[thing.kind, thing.place][0].command
        case.swap(thing, replace(thing, content=first.content))
    only(check(case.history, case.shown), "disordered", *(thing.place for thing in shown))


def test_a_change_without_an_answer_may_be_shown_or_not(clean: Case) -> None:
    case = clean.planted()
    shown = case.thing(Kind.EVENT, changed=True)
    unanswered = customers.event(EVENTS + 1, shown.place, shown.content["campaign"], shown.id)
    case.history.add(unanswered, 0.0).answers.append(Answer(0.0, 5.0, 0))
    assert check(case.history, case.shown).clean
    case.swap(shown, replace(shown, content=unanswered.content))
    assert check(case.history, case.shown).clean


def _total(shown: Shown) -> str:
    user = next(iter(shown.totals))
    shown.totals[user] = replace(shown.totals[user], spent=shown.totals[user].spent + Decimal("0.01"))
    return user


def _bought_once_more(shown: Shown) -> str:
    user = list(shown.totals)[1]
    shown.totals[user] = replace(shown.totals[user], count=shown.totals[user].count + 1)
    return user


def _no_total(shown: Shown) -> str:
    user = list(shown.totals)[2]
    del shown.totals[user]
    return user


def _stars(shown: Shown) -> str:
    product = next(iter(shown.ratings))
    one, two, three, four, five = shown.ratings[product].stars
    shown.ratings[product] = replace(shown.ratings[product], stars=(one + 1, two - 1, three, four, five))
    return product


def _average(shown: Shown) -> str:
    product = list(shown.ratings)[1]
    shown.ratings[product] = replace(shown.ratings[product], average=(shown.ratings[product].average or 0) + 0.01)
    return product


def _visitor(shown: Shown) -> str:
    shown.hours[HOURS[0]] = replace(shown.hours[HOURS[0]], users=shown.hours[HOURS[0]].users + 1)
    return str(HOURS[0])


def _too_many_clicks(shown: Shown) -> str:
    """More than could be there if each one without an answer had been counted."""
    shown.hours[HOURS[1]] = replace(shown.hours[HOURS[1]], clicks=shown.hours[HOURS[1]].clicks + EVENTS // 100)
    return str(HOURS[1])


def _too_few_impressions(shown: Shown) -> str:
    shown.hours[HOURS[2]] = replace(
        shown.hours[HOURS[2]], impressions=shown.hours[HOURS[2]].impressions - EVENTS // 100
    )
    return str(HOURS[2])


def _strange_hour(shown: Shown) -> str:
    shown.hours[HOURS[0] - customers.HOUR] = Counts(1, 1, 0)
    return str(HOURS[0] - customers.HOUR)


def test_wrong_aggregates_are_found(clean: Case) -> None:
    """Each where no other one is."""
    plants = (
        _total, _bought_once_more, _no_total, _stars, _average, _visitor, _too_many_clicks, _too_few_impressions,
        _strange_hour,
    )  # fmt: skip
    case = clean.planted()
    about = [plant(case.shown) for plant in plants]
    only(check(case.history, case.shown), "wrong", *about)


def test_one_click_too_few_or_too_many_is_found_where_each_has_its_answer() -> None:
    town = Town(1)
    for number in range(10):
        content = {"user": f"u{number % 3}", "kind": "click", "hour": str(HOURS[0])}
        town.send(Command(number, Kind.INTERACTION, "", content), 204, takes_effect=True)
    shown = town.shown()
    assert check(town.history, shown).clean
    for clicks in (9, 11):
        only(check(town.history, replace(shown, hours={HOURS[0]: Counts(3, clicks, 0)})), "wrong", str(HOURS[0]))


def test_all_at_once_are_found_each_by_its_kind(clean: Case) -> None:
    case = clean.planted()
    lost, twice = case.thing(Kind.REVIEW), case.thing(Kind.EVENT)
    case.shown.things.remove(lost)
    other, late = case.thing(Kind.PURCHASE), case.thing(Kind.PRODUCT, changed=True)
    first = case.sent_to[late.kind, late.place][0].command
    case.swap(other, replace(other, content={**other.content, "price": "0.00"}))
    case.swap(late, replace(late, content=first.content))
    case.shown.things += [replace(twice, id="another"), replace(lost, place="a-stranger")]
    about = _total(case.shown)
    found = check(case.history, case.shown).faults
    assert {name: len(lines) for name, lines in found.items()} == dict.fromkeys(found, 1), found
    wanted = {"lost": lost, "doubled": twice, "changed": other, "disordered": late}
    assert all(thing.place in found[name][0] for name, thing in wanted.items()), found
    assert about in found["wrong"][0]
