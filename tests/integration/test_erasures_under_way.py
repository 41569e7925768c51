"""What an erasure meets before it holds everywhere: itself once more, readers, an edit, and a door that dies among its
copies. A consumer that is held (SIGSTOP) is as far behind as it takes."""

from __future__ import annotations

import json
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.errors import Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.publish_batch import Outcome
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.integration.conftest import InThreads

pytestmark = pytest.mark.slow
JSON = {"Content-Type": "application/json"}


@dataclass
class Person:
    """Somebody of one case alone, who says something and is erased under a key of their own."""

    platform: Platform
    until: Callable[..., None]
    user: str = field(default_factory=lambda: f"u-{uuid.uuid4().hex[:10]}")

    def send(self, method: str, path: str, body: Any = None, *, wait: int = 10, **headers: str) -> Any:
        sent = None if body is None else json.dumps(body)
        named = JSON | {"Prefer": f"wait={wait}"} | headers
        return self.platform.request(method, path, body=sent, headers=named)

    def buy(self) -> None:
        body = {"userid": self.user, "username": self.user, "price": "1"}
        assert self.send("POST", "/v1/purchases", body).status == 201

    def product(self) -> Any:
        return self.send("POST", "/v1/products", {"name": f"lamp of {self.user}", "price": "5"}).json()

    def review(self, product: str, *, wait: int = 10) -> str:
        """The address of what was said."""
        answer = self.send("POST", f"/v1/products/{product}/reviews", self.opinion(1), wait=wait)
        assert answer.status == (201 if wait else 202), answer.data
        return f"/v1/products/{product}/reviews/{answer.json()['id']}"

    def opinion(self, stars: int) -> dict[str, Any]:
        return {"userid": self.user, "displayName": "D", "rating": stars, "text": "said"}

    def erase(self, *, wait: int = 0) -> int:
        headers = {"Idempotency-Key": self.user}
        return int(self.send("DELETE", f"/v1/users/{self.user}", wait=wait, **headers).status)

    def is_erased(self) -> None:
        self.until(lambda: self.erase(wait=10) == 200, "the erasure holds everywhere")

    def state(self, receipt: str) -> str:
        return str(self.send("GET", f"/v1/receipts/{receipt}").json()["state"])

    def status(self, path: str) -> int:
        return int(self.send("GET", path).status)

    def kept(self) -> tuple[int, int]:
        """How many purchases and reviews the export tells of."""
        answer = self.send("GET", f"/v1/users/{self.user}/export")
        assert answer.status == 200, answer.data
        said = answer.json()
        return len(said["purchases"]), len(said["reviews"])


@pytest.fixture
def person(platform: Platform, until: Callable[..., None]) -> Person:
    return Person(platform, until)


@pytest.fixture
def held(platform: Platform, until: Callable[..., None]) -> Callable[[], Any]:
    @contextmanager
    def hold() -> Iterator[None]:
        """The catalog's consumer does nothing within the block."""
        until(lambda: platform.running("catalog-consumer-1"), "the catalog's consumer runs")
        pid = platform.signal("catalog-consumer-1", signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    return hold


def test_the_same_again_while_a_consumer_is_behind_takes_nothing_that_was_said_since(person: Person, held: Any) -> None:
    product = person.product()["id"]
    person.buy()
    before = person.review(product)
    with held():
        assert person.erase(wait=1) == 202
        since = person.review(product, wait=0)
        person.buy()
        assert person.erase(wait=1) == 202
    person.is_erased()
    person.until(lambda: person.kept() == (1, 1), "what was said since is there")
    assert (person.status(before), person.status(since)) == (404, 200)


def test_exports_meanwhile_tell_less_and_less_and_nothing_once_it_is_done(
    person: Person, held: Any, in_threads: InThreads
) -> None:
    person.buy()
    for _ in range(2):
        person.review(person.product()["id"])
    told: list[list[tuple[bool, tuple[int, int]]]] = [[], []]
    done, over = threading.Event(), threading.Event()

    def export(mine: list[tuple[bool, tuple[int, int]]]) -> None:
        while not over.is_set():
            mine.append((done.is_set(), person.kept()))

    join = in_threads([partial(export, mine) for mine in told])
    try:
        person.until(lambda: all(told), "each reader has read")
        with held():
            assert person.erase() == 202
            person.until(lambda: person.kept() == (0, 2), "only what the catalog's partitions told is there")
            assert person.erase(wait=1) == 202
        person.is_erased()
        done.set()
        person.until(lambda: all(mine[-1][0] for mine in told), "each reader has read since")
    finally:
        over.set()
        join()
    for mine in told:
        counts = [count for _, count in mine]
        assert {count for was_done, count in mine if was_done} == {(0, 0)}
        assert all(a >= c and b >= d for (a, b), (c, d) in pairwise(counts)), counts


def test_an_edit_on_its_way_goes_with_its_review_and_a_later_one_finds_nothing(person: Person, held: Any) -> None:
    product = person.product()["id"]
    review = person.review(product)
    with held():
        person.send("POST", "/v1/products", {"name": "a first", "price": "1"}, wait=0)  # the next fetch brings all else
        edit = person.send("PUT", review, person.opinion(4), wait=0).json()["receipt"]
        assert person.erase() == 202
        late = person.send("PUT", review, person.opinion(2), wait=0).json()["receipt"]
    person.is_erased()
    person.until(lambda: person.state(late) != "accepted", "the later edit is decided")
    assert (person.state(edit), person.state(late)) == ("stored", "rejected")
    assert person.status(review) == 404 and person.kept() == (0, 0)
    assert person.send("GET", f"/v1/products/{product}/rating").json()["reviewCount"] == 0


class DyingPublisher(KafkaPublisher):
    """Sends the copies for every other partition, as a process that is killed among them."""

    def publish_each(self, records: Sequence[Record]) -> list[Outcome]:
        super().publish_each(records[::2])
        raise Unavailable("killed")


@pytest.fixture
def dying_door(platform: Platform) -> Iterator[Any]:
    publisher = DyingPublisher(platform.kafka)
    assert publisher.connected(10)
    yield build(Context(publisher, QueryClient(platform.api_url)), ServerSettings()).test_client()
    publisher.close()


def test_an_erasure_whose_door_died_among_its_copies_is_made_whole_under_its_key(
    person: Person, dying_door: Any
) -> None:
    """Where a copy stands already it changes nothing of what was said since."""
    products: dict[int, str] = {}
    while len(products) < 2:
        made = person.product()
        products[int(made["receipt"].split("-")[-2]) % 2] = made["id"]
    person.buy()
    there, missing = person.review(products[0]), person.review(products[1])
    gone = dying_door.delete(f"{PREFIX}/v1/users/{person.user}", headers={"Idempotency-Key": person.user})
    assert gone.status_code == 503
    person.until(lambda: person.status(there) == 404, "one of the copies holds")
    assert person.status(missing) == 200
    since = person.review(products[0])
    person.is_erased()
    assert person.kept() == (0, 1)
    assert [person.status(path) for path in (there, missing, since)] == [404, 404, 200]
