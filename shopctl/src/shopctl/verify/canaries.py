"""The canaries: users of one run only, whose purchases nobody else makes, each told by its own name."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Sequence

from shopctl.proof.history import Command, Kind, Sent

USERS = 12  # in some of as many partitions


class Canaries:
    """Of one run, whose name is in all that it sends."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.users = users_of(run)
        self._numbers = itertools.count(1)
        self._chance = random.Random()  # made-up prices  # nosec B311
        self._lock = threading.Lock()

    def opening(self) -> Sequence[Command]:
        return ()

    def next(self) -> Command:
        with self._lock:
            number = next(self._numbers)
            price = f"{self._chance.randrange(1, 500)}.{self._chance.randrange(100):02}"
        content = {"userid": self.users[number % USERS], "price": price}
        place = f"{self.run}-{number}"
        return Command(number, Kind.PURCHASE, place, content, path="/v1/purchases", body={"username": place, **content})

    def ended(self, sent: Sent, id: str) -> None:
        """Nothing depends on it."""


def users_of(run: str) -> list[str]:
    return [f"canary-{run}-{number}" for number in range(USERS)]
