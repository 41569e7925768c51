"""Purchases through the ingress, told apart by run, and the judgement on what became of them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import urllib3

from shop_cluster.canaries import CANARY
from shop_cluster.waiting import PATIENCE

USERS = 30
AGAIN = (0, 502, 503, 504)


@dataclass
class Load:
    """One test's purchases. `ids` are those that were answered 2xx; `refused` counts answers that had to be retried.

    `longest` is the longest that a client waited for its purchase, with what it sent again."""

    shop: Any
    ids: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    longest: float = 0
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def user(self, number: int) -> str:
        return f"{CANARY}-{self.run}-{number % USERS}"

    def batch(self, count: int) -> None:
        """`count` purchases in batches of a thousand; every line must be taken."""
        for start in range(0, count, 1000):
            lines = [self._purchase(number) for number in range(start, min(start + 1000, count))]
            answer = self.shop.request("POST", "/v1/purchases:batch", body=json.dumps(lines).encode())
            assert answer.status == 202, answer.data
            results = answer.json()["results"]
            assert all("id" in result for result in results)
            self.ids |= {result["id"] for result in results}

    def one(self, number: int, patience: float = 60) -> None:
        """One purchase by a client that sends it again, under its key, while it is told to come back later."""
        headers = {"Idempotency-Key": f"{CANARY}-{self.run}-{number}"}
        body = json.dumps(self._purchase(number)).encode()
        started = time.monotonic()
        while True:
            status, said = self._ask(body, headers)
            if status == 200:
                self.ids.add(json.loads(said)["id"])
                self.longest = max(self.longest, time.monotonic() - started)
                return
            assert status in AGAIN, said
            assert time.monotonic() < started + patience * PATIENCE, "the shop refuses for too long"
            self.refused[status] += 1
            time.sleep(0.2)

    def _ask(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 where the connection broke."""
        try:
            answer = self.shop.request("POST", "/buy", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error).encode()
        return answer.status, answer.data

    def stored(self) -> list[str]:
        """The ids of every stored purchase of this run, with repetitions if there were any."""
        found: list[str] = []
        for number in range(USERS):
            cursor = ""
            while cursor is not None:
                page = self.shop.request(
                    "GET", f"/v1/users/{self.user(number)}/purchases?limit=200" + (cursor and f"&cursor={cursor}")
                ).json()
                found += [purchase["_id"] for purchase in page["purchases"]]
                cursor = page["next"]
        return found

    def arrived(self) -> int:
        """How many purchases the users' profiles count."""
        counts = (self.shop.request("GET", f"/v1/users/{self.user(number)}") for number in range(USERS))
        return sum(answer.json()["count"] for answer in counts if answer.status == 200)

    def judge(self) -> None:
        """Nothing lost, nothing doubled, nothing that nobody bought."""
        found = self.stored()
        assert len(found) == len(set(found)), "a purchase is stored twice"
        assert set(found) == self.ids
        assert self.arrived() == len(self.ids)

    def _purchase(self, number: int) -> dict[str, str]:
        return {"username": self.user(number), "userid": self.user(number), "price": "1.25"}


class Shoppers:
    """Clients that buy one after the other until the block ends; what went wrong in them is raised there."""

    def __init__(self, load: Load, clients: int = 4) -> None:
        self._load = load
        self._stop = threading.Event()
        self._faults: list[BaseException] = []
        self._bought = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._buy) for _ in range(clients)]

    @property
    def bought(self) -> int:
        return self._bought

    def __enter__(self) -> Shoppers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(90 * PATIENCE)
        if self._faults:
            raise self._faults[0]

    def _buy(self) -> None:
        try:
            while not self._stop.is_set():
                with self._lock:
                    number, self._bought = self._bought, self._bought + 1
                self._load.one(number)
        except BaseException as fault:
            self._faults.append(fault)
