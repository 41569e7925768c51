"""What is sent, and when: pure functions of profile, rate, time and chance."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from shopctl import seed_vocabulary

USERS = 1000
FEW = 3  # products that most of a black Friday is about
RAMP = 0.4  # of the time, up to the peak, and as much down again
BOTTOM = 0.1  # of the peak, where the ramp begins and ends
# How many of a hundred requests are of each kind.
MIXES: dict[str, dict[str, int]] = {
    "browse": {"list": 40, "product": 35, "reviews": 15, "buy": 10},
    "black-friday": {"product": 20, "buy": 80},
    "steady": {"buy": 100},
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request below the base address; a purchase has a body."""

    path: str
    body: bytes | None = None


def needs_products(profile: str) -> bool:
    """Whether there is nothing to look at in an empty catalog."""
    return "product" in MIXES[profile]


def rate_at(profile: str, peak: float, seconds: float, moment: float) -> float:
    """Requests a second that are due at a moment."""
    if profile != "black-friday":
        return peak
    to_an_end = min(moment, seconds - moment) / seconds
    return peak * min(1.0, BOTTOM + (1 - BOTTOM) * to_an_end / RAMP)


def schedule(profile: str, peak: float, seconds: float) -> Iterator[float]:
    """Each moment, in seconds from the start, at which a request is due."""
    moment = 0.0
    while moment < seconds - 1e-9:  # the sum of many tenths is no whole number
        yield moment
        moment += 1 / rate_at(profile, peak, seconds, moment)


def requests(profile: str, products: Sequence[str], chance: random.Random) -> Iterator[Request]:
    """What users of this profile do, without end; without products, purchases name none."""
    kinds, weights = list(MIXES[profile]), list(MIXES[profile].values())
    few = chance.sample(list(products), min(FEW, len(products)))
    while True:
        (kind,) = chance.choices(kinds, weights)
        wanted = few if profile == "black-friday" and chance.random() < 0.9 else products
        product = chance.choice(wanted) if wanted else None
        yield _purchase(product, chance) if kind == "buy" else Request(_path(kind, product or ""))


def _path(kind: str, product: str) -> str:
    if kind == "list":
        return "/v1/products?limit=20"
    return f"/v1/products/{quote(product, safe='')}" + ("/reviews" if kind == "reviews" else "")


def _purchase(product: str | None, chance: random.Random) -> Request:
    user = chance.randrange(USERS)
    said = {
        "username": " ".join(seed_vocabulary.name_of(user)),
        "userid": f"load-{user}",
        "price": f"{chance.randrange(1, 500)}.{chance.randrange(100):02}",
    }
    named = {} if product is None else {"productid": product}
    return Request("/v1/purchases", json.dumps(said | named).encode())
