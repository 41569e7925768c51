"""Who sends the load: customers of all four domains, of whom each thing has one writer at a time."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shopctl.proof.history import Command, Kind, Outcome, Sent

USERS, PRODUCTS, CAMPAIGNS = 40, 12, 6
HOUR = 3_600_000
# Hours long ago, which nobody else counts in.
HOURS = tuple(int(datetime(2001, 1, 1, hour, tzinfo=UTC).timestamp() * 1000) for hour in range(4))
START, FIRST_DAY, END = (datetime(year, month, 1, tzinfo=UTC) for year, month in ((2030, 1), (2030, 2), (2031, 1)))


class Customers:
    """Draws commands, the same ones for the same seed as far as the answers let it."""

    def __init__(self, run: str, seed: int) -> None:
        self.run = run
        self.users = [f"{run}-user-{number}" for number in range(USERS)]
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ids: dict[tuple[Kind, str], tuple[Command, str]] = {}
        self._made: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        self._free: dict[Kind, list[str]] = {kind: [] for kind in Kind}

    def opening(self) -> list[Command]:
        """Something to sell, and campaigns for events to be in."""
        return [*(self._product() for _ in range(PRODUCTS)), *(self._campaign() for _ in range(CAMPAIGNS))]

    def next(self) -> Command:
        """Another command; what is to be changed is busy until `ended`."""
        acts: dict[Callable[[], Command], float] = {
            self._buy: 30, self._click: 20, self._review: 15, self._event: 5, self._product: 0.5, self._campaign: 0.5,
            lambda: self._change(Kind.REVIEW): 15, lambda: self._change(Kind.PRODUCT): 7,
            lambda: self._change(Kind.EVENT): 4, lambda: self._change(Kind.CAMPAIGN): 3,
        }  # fmt: skip
        with self._lock:
            [act] = self._random.choices(list(acts), list(acts.values()))
            return act()

    def ended(self, sent: Sent, id: str) -> None:
        """The last answer is in. What was made under `id`, or changed, may be changed by the next one."""
        command = sent.command
        place = command.kind, command.place
        with self._lock:
            if command.method == "POST" and id and sent.outcome(()) is Outcome.DONE:
                self._ids[place] = command, id
                self._made[command.kind].append(id)
            if place in self._ids:
                self._free[command.kind].append(command.place)

    def _place(self) -> tuple[int, str]:
        number = next(self._numbers)
        return number, f"{self.run}-{number}"

    def _known(self, kind: Kind) -> str:
        """The id of one that is there."""
        return self._random.choice(self._made[kind])

    def _buy(self) -> Command:
        number, place = self._place()
        user, price = self._random.choice(self.users), f"{self._random.randint(1, 99999) / 100:.2f}"
        content = {"userid": user, "price": price, "productid": self._known(Kind.PRODUCT)}
        return Command(number, Kind.PURCHASE, place, content, path="/v1/purchases", body={"username": place, **content})

    def _click(self) -> Command:
        number, _ = self._place()
        user, kind, hour = (self._random.choice(each) for each in (self.users, ("click", "impression"), HOURS))
        path = f"/analytics?timestamp={int(hour) + number % HOUR}&user={user}&{kind}"
        content = {"user": str(user), "kind": str(kind), "hour": str(hour)}
        return Command(number, Kind.INTERACTION, "", content, path=path)

    def _product(self) -> Command:
        number, place = self._place()
        return product(number, place)

    def _review(self) -> Command:
        number, place = self._place()
        return review(number, place, self._known(Kind.PRODUCT), self._random.randint(1, 5))

    def _campaign(self) -> Command:
        number, place = self._place()
        return campaign(number, place)

    def _event(self) -> Command:
        number, place = self._place()
        return event(number, place, self._known(Kind.CAMPAIGN))

    def _change(self, kind: Kind) -> Command:
        """Of one that nobody is changing; where there is none, somebody buys."""
        if not self._free[kind]:
            return self._buy()
        places = self._free[kind]
        place = places.pop(self._random.randrange(len(places)))
        made, id = self._ids[kind, place]
        number = next(self._numbers)
        match kind:
            case Kind.PRODUCT:
                return product(number, place, id)
            case Kind.REVIEW:
                return review(number, place, made.content["product"], self._random.randint(1, 5), id)
            case Kind.CAMPAIGN:
                return campaign(number, place, id)
            case _:
                return event(number, place, made.content["campaign"], id)


def product(number: int, place: str, id: str = "") -> Command:
    """Made, or changed where it has an `id`; so are the others."""
    content = {"name": f"lamp {number}", "price": f"{number % 1000}.50"}
    if id:
        return Command(number, Kind.PRODUCT, place, content, "PATCH", f"/v1/products/{id}", content)
    return Command(number, Kind.PRODUCT, place, content, "POST", "/v1/products", {**content, "tags": [place]})


def review(number: int, place: str, product: str, rating: int, id: str = "") -> Command:
    content = {"product": product, "userid": f"{place}-author", "rating": str(rating), "text": f"said by {number}"}
    body = {"userid": content["userid"], "rating": rating, "text": content["text"], "displayName": place}
    path = f"/v1/products/{product}/reviews" + (f"/{id}" if id else "")
    return Command(number, Kind.REVIEW, place, content, "PUT" if id else "POST", path, body)


def campaign(number: int, place: str, id: str = "") -> Command:
    """Its end moves, and is never before that of its events."""
    content = {"name": f"{place}/{number}", "startDate": moment(START), "endDate": moment(END, number)}
    if id:
        return Command(number, Kind.CAMPAIGN, place, content, "PATCH", f"/campaign-events/{id}", content)
    return Command(number, Kind.CAMPAIGN, place, content, "POST", "/campaign-events/", content)


def event(number: int, place: str, campaign: str, id: str = "") -> Command:
    said = {"name": f"{place}/{number}", "startDate": moment(START), "endDate": moment(FIRST_DAY, number)}
    content = said | {"campaign": campaign}
    if id:
        return Command(number, Kind.EVENT, place, content, "PATCH", f"/events/{id}", said)
    body = said | {"campaignEventId": campaign}
    return Command(number, Kind.EVENT, place, content, "POST", "/events/", body)


def moment(base: datetime, seconds: int = 0) -> str:
    return (base + timedelta(seconds=seconds)).isoformat()
