"""The aggregates once more, from the history: what totals, ratings and counts have to be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from shopctl.proof.history import Content, Kind, Outcome, Sent
from shopctl.proof.shown import Counts, Rating, Shown, Total

Final = Mapping[tuple[Kind, str], Content]
NOTHING = Total(0, Decimal())


def wrong(final: Final, interactions: Iterable[tuple[Sent, Outcome]], shown: Shown) -> Iterator[str]:
    """`final` is what each place has to show; what became of an interaction is not shown one by one, so that its hour
    has bounds where an outcome is unknown."""
    yield from _totals(final, shown)
    yield from _ratings(final, shown)
    yield from _hours(interactions, shown)


def _totals(final: Final, shown: Shown) -> Iterator[str]:
    count: Counter[str] = Counter()
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (kind, _), content in final.items():
        if kind is Kind.PURCHASE:
            count[content["userid"]] += 1
            spent[content["userid"]] += Decimal(content["price"])
    for user in sorted({*count, *shown.totals}):
        due, told = Total(count[user], spent[user]), shown.totals.get(user, NOTHING)
        if due != told:
            yield f"total of {user}: {told}, by the history {due}"


def _ratings(final: Final, shown: Shown) -> Iterator[str]:
    """Of the products that are there; one that is not is lost, and is told as that."""
    stars: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for (kind, _), content in final.items():
        if kind is Kind.REVIEW:
            stars[content["product"]][int(content["rating"])] += 1
    for product, told in sorted(shown.ratings.items()):
        due = rating_of(stars[product])
        if due != told:
            yield f"rating of product {product}: {told}, by the history {due}"


def rating_of(stars: Mapping[int, int]) -> Rating:
    one, two, three, four, five = (stars.get(star, 0) for star in range(1, 6))
    given = (one, two, three, four, five)
    if not any(given):
        return Rating(given, None)
    average = Decimal(sum(star * number for star, number in enumerate(given, 1))) / sum(given)
    return Rating(given, float(average.quantize(Decimal("0.01"), ROUND_HALF_UP)))


def _hours(interactions: Iterable[tuple[Sent, Outcome]], shown: Shown) -> Iterator[str]:
    least, most = Tally(), Tally()
    for sent, outcome in interactions:
        if outcome is Outcome.DONE:
            least.add(sent.command.content)
        if outcome is not Outcome.REFUSED:
            most.add(sent.command.content)
    for hour in sorted({*most.hours, *shown.hours}):
        told, low, high = shown.hours.get(hour, Counts()), least.of(hour), most.of(hour)
        if not all(
            lowest <= number <= highest
            for lowest, number, highest in (
                (low.users, told.users, high.users),
                (low.clicks, told.clicks, high.clicks),
                (low.impressions, told.impressions, high.impressions),
            )
        ):
            yield f"hour {hour}: {told}, by the history {low}" + (f" to {high}" if high != low else "")


class Tally:
    """Interactions added up by their hours."""

    def __init__(self) -> None:
        self.hours: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._users: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, content: Content) -> None:
        hour = int(content["hour"])
        self.hours[hour][content["kind"]] += 1
        self._users[hour].add(content["user"])

    def of(self, hour: int) -> Counts:
        counted = self.hours.get(hour, Counter())
        return Counts(len(self._users.get(hour, ())), counted["click"], counted["impression"])
