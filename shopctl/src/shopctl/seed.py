"""`shopctl seed`: believable products and reviews, by way of the topic like everybody's.

The same seed gives the same events under the same ids, so that seeding twice changes nothing the second time.
"""

from __future__ import annotations

import argparse
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any

from shop_core.events import catalog
from shop_core.events.envelope import Record, encode
from shop_core.events.instants import Instant
from shop_core.kafka.publisher import KafkaPublisher
from shopctl import seed_vocabulary
from shopctl.target import target_of

BATCH = 1000
_NAMESPACE = uuid.UUID("8d1f2a52-7a2e-5c0f-9f2b-5f6f0f3a7c11")
SINCE, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 300


def run(options: argparse.Namespace) -> int:
    """Publish all of it; done when Kafka has it."""
    target = target_of(options.state_dir)
    target.tell(database=False)
    publisher = KafkaPublisher(target.kafka)
    publisher.connected(5.0)
    try:
        records, sent = Seed(options.seed, options.products, options.reviews).records(), 0
        while batch := list(islice(records, BATCH)):
            publisher.publish(batch)
            sent += len(batch)
            if sent % 10_000 == 0:
                print(f"{sent:,} events")
        print(f"{sent:,} events are in Kafka: {options.products:,} products, {sent - options.products:,} reviews")
    finally:
        publisher.close()
    return 0


class Seed:
    """A catalog by a number: few products are much reviewed, most are liked, and some are not."""

    def __init__(self, seed: int, products: int, reviews: int) -> None:
        self._seed = seed
        self._reviews = reviews
        chance = self._chance = random.Random(seed)  # made-up data  # nosec B311
        self._products = [self._id("product", number) for number in range(products)]
        self._quality = [min(4.9, max(1.6, chance.gauss(4.1, 0.6))) for _ in self._products]
        # A few products get most of the reviews; which ones has nothing to do with their age.
        weights = [1 / (rank + 3) for rank in range(products)]
        chance.shuffle(weights)
        self._weights = list(accumulate(weights))
        self._people = max(200, reviews // 6)

    def records(self) -> Iterator[Record]:
        """Each product before its first review."""
        yield from map(self._product, range(len(self._products)))
        said: set[tuple[int, int]] = set()
        number = 0
        for _ in range(self._reviews * 20):  # a much-reviewed product may run out of people who haven't said anything
            if number >= self._reviews or not self._products:
                return
            product = self._chance.choices(range(len(self._products)), cum_weights=self._weights)[0]
            person = self._chance.randrange(self._people)
            if (product, person) not in said:
                said.add((product, person))
                yield self._review(number, product, person)
                number += 1

    def _product(self, number: int) -> Record:
        chance = self._chance
        thing, category, low, high = chance.choice(seed_vocabulary.THINGS)
        name = f"{chance.choice(seed_vocabulary.LOOKS)} {chance.choice(seed_vocabulary.MATERIALS)} {thing}"
        price = f"{chance.randrange(low, high)}.{chance.choice(('00', '50', '90', '95', '99'))}"
        parts = (seed_vocabulary.OPENINGS, seed_vocabulary.DETAILS, seed_vocabulary.CARE)
        text = " ".join(chance.choice(part) for part in parts)
        id = self._products[number]
        data = catalog.ProductCreated(
            id, name.capitalize(), price, text, [category, chance.choice(seed_vocabulary.TAGS)]
        )
        return self._record(catalog.PRODUCT_CREATED, data, id, SINCE + timedelta(hours=number % 2000))

    def _review(self, number: int, product: int, person: int) -> Record:
        chance = self._chance
        stars = min(5, max(1, round(chance.gauss(self._quality[product], 1.0))))
        first, last = seed_vocabulary.name_of(person)
        text = " ".join(chance.sample(seed_vocabulary.OPINIONS[stars], chance.randrange(0, 3)))
        moment = SINCE + timedelta(days=90, seconds=chance.randrange(DAYS * 700) * 100)
        id, at = self._id("review", number), Instant.of(moment)
        data = catalog.ReviewAdded(
            self._products[product],
            id,
            f"user-{person}",
            stars,
            at,
            text,
            first,
            last if person % 3 else None,
        )
        return self._record(catalog.REVIEW_ADDED, data, id, moment)

    def _record(self, type_: str, data: Any, id: str, moment: datetime) -> Record:
        return encode(catalog.DOMAIN, type_, data, key=data.productid, id=id, time=moment)

    def _id(self, kind: str, number: int) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{kind}/{number}"))
