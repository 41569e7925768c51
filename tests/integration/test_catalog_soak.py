"""Ratings under fire: many writers, consumers killed and scaled, the cache killed and emptied, rebuilds meanwhile.

The writers keep a model of their own of what they were acked; in the end the database must be equal to it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import redis
import urllib3

from shop_core.events import DOMAINS
from shop_core.events.catalog import DOMAIN, RATINGS_TOPIC, RatingChanged
from shop_core.kafka.topic_reader import read_all

if TYPE_CHECKING:
    from tests.conftest import Platform, StartPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
# Reviews to add, as many as `make test` has time for; CATALOG_REVIEWS=50000 makes it the whole.
REVIEWS = int(os.environ.get("CATALOG_REVIEWS", "600"))
WRITERS, PRODUCTS = 8, 200
HOT = 0.3  # the share of one product in all commands
PIECES = 10  # of the work; each is set free when what is to happen to it is prepared
CACHE_TTL = "20"
Said = tuple[str, str, int, str]  # product, user, stars, text
WRITE = {"Content-Type": "application/json"}


@dataclass
class Writer:
    """One client: adds reviews by users of its own, changes some and takes some back, each until it is acked.

    `reviews` is what must be stored in the end. Commands of one review go to one partition in the order of their acks.
    """

    platform: Platform
    name: str
    products: list[str]
    ends: dict[int, int]
    reviews: dict[str, Said] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.name)

    def write(self, number: int) -> None:
        """Add a review; often change one, sometimes take one back, seldom do what must be refused."""
        self.add(number)
        for chance, act in ((0.4, self.change), (0.2, self.take_back), (0.05, self.say_twice), (0.05, self.meddle)):
            if self.reviews and self._random.random() < chance:
                act(self._recent())

    def add(self, number: int) -> None:
        product = self.products[0] if self._random.random() < HOT else self._random.choice(self.products)
        said = (product, f"{self.name}-{number}", self._random.randint(1, 5), "new")
        self.reviews[self._command("POST", f"/v1/products/{product}/reviews", said)] = said

    def change(self, id: str) -> None:
        product, user, _, _ = self.reviews[id]
        said = (product, user, self._random.randint(1, 5), f"changed {self.sent['PUT']}")
        self._command("PUT", f"/v1/products/{product}/reviews/{id}", said)
        self.reviews[id] = said

    def take_back(self, id: str) -> None:
        product, user, _, _ = self.reviews.pop(id)
        self._command("DELETE", f"/v1/products/{product}/reviews/{id}?userid={user}")

    def say_twice(self, id: str) -> None:
        """A second review by the same user: refused by the consumer."""
        product, user, _, _ = self.reviews[id]
        self._command("POST", f"/v1/products/{product}/reviews", (product, user, 1, "again"), refused=True)

    def meddle(self, id: str) -> None:
        """A withdrawal by another user: refused by the consumer."""
        self._command("DELETE", f"/v1/products/{self.reviews[id][0]}/reviews/{id}?userid=another", refused=True)

    def _recent(self) -> str:
        """One of the last fifty: they are the ones that may be on their way still."""
        return self._random.choice(list(islice(reversed(self.reviews), 50)))

    def _command(self, method: str, path: str, said: Said | None = None, *, refused: bool = False) -> str:
        """The id in the answer; one in fifty is sent a second time under its key, as after a lost answer."""
        body = None
        if said:
            body = json.dumps({"userid": said[1], "displayName": "Ada", "rating": said[2], "text": said[3]}).encode()
        headers = WRITE | {"Idempotency-Key": f"{self.name}-{self.sent.total()}"}
        self.sent[method] += 1
        for _ in range(1 + (self._random.random() < 0.02)):
            answer = self.platform.request(method, path, body=body, headers=headers)
            assert answer.status == 202, (answer.status, answer.data)
            self.sent["refused"] += refused
            _, partition, offset = answer.json()["receipt"].rsplit("-", 2)
            self.ends[int(partition)] = max(self.ends.get(int(partition), 0), int(offset) + 1)
        return str(answer.json()["id"])


class Crowd:
    """The writers, each in a thread, and their common verdict."""

    def __init__(self, platform: Platform, run: str, products: list[str], each: int) -> None:
        self.platform, self.products = platform, products
        self.writers = [Writer(platform, f"{run}{number}", products, {}) for number in range(WRITERS)]
        self._reserve = Writer(platform, f"{run}-reserve", products, {})
        self._failures: list[BaseException] = []
        self._pieces = [threading.Event() for _ in range(PIECES)]
        self._threads = [threading.Thread(target=self._run, args=(writer, each)) for writer in self.writers]
        for thread in self._threads:
            thread.start()
        self.writers.append(self._reserve)

    def _run(self, writer: Writer, each: int) -> None:
        try:
            for number in range(each):
                self._pieces[number * PIECES // each].wait(1200)
                writer.write(number)
        except BaseException as error:
            self._failures.append(error)

    def free(self, pieces: int = 1) -> None:
        """Let the writers go on with that many more pieces of their work."""
        for piece in [piece for piece in self._pieces if not piece.is_set()][:pieces]:
            piece.set()

    def nudge(self) -> None:
        """A little more work, for who waits for it."""
        self._reserve.write(self._reserve.sent.total())

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    @property
    def added(self) -> int:
        return sum(writer.sent["POST"] for writer in self.writers)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(3000)
        assert self._failures == []

    def stored(self) -> bool:
        return all(self.platform.passed(writer.ends, DOMAIN.topic) for writer in self.writers)

    def reviews(self) -> dict[str, Said]:
        return {id: said for writer in self.writers for id, said in writer.reviews.items()}


@dataclass
class Shop:
    """A platform whose only busy domain is the catalog, its shared cache, and what was said in it so far."""

    platform: Platform
    cache: Any
    crowds: list[Crowd] = field(default_factory=list)

    @property
    def generation(self) -> str:
        found = self.platform.db["generations"].find_one({"_id": "catalog"})
        return f"_g{found['current']}" if found and found["current"] else ""

    def products(self, count: int) -> list[str]:
        made = []
        for number in range(count):
            body = json.dumps({"name": f"Thing {number}", "price": "1.00"}).encode()
            made.append(self.platform.request("POST", "/v1/products", body=body, headers=WRITE).json()["id"])
        return made

    def crowd(self, run: str, products: list[str], reviews: int) -> Crowd:
        self.crowds.append(Crowd(self.platform, run, products, reviews // WRITERS))
        return self.crowds[-1]

    def check(self) -> None:
        """Every review as its writer was acked it, and none beside; every rating as a recount of them has it."""
        expected = {id: said for crowd in self.crowds for id, said in crowd.reviews().items()}
        reviews = self.platform.db["reviews" + self.generation].find({})
        found = {doc["_id"]: (doc["productid"], doc["userid"], doc["rating"], doc["text"]) for doc in reviews}
        assert (len(expected.keys() - found.keys()), len(found.keys() - expected.keys())) == (0, 0), "lost or invented"
        assert [id for id in expected if found[id] != expected[id]] == []
        assert self.ratings() == self.recount(expected)
        verdict = self.platform.shopctl("verify", "ratings")
        assert (verdict.returncode, "all exact" in verdict.stdout) == (0, True), verdict

    def ratings(self) -> dict[str, Any]:
        """Sum, count and histogram of each product as stored."""
        return {doc["_id"]: doc["rating"] for doc in self.platform.db["products" + self.generation].find({})}

    def recount(self, reviews: dict[str, Said]) -> dict[str, Any]:
        stars: dict[str, Counter[int]] = {id: Counter() for crowd in self.crowds for id in crowd.products}
        for product, _, rating, _ in reviews.values():
            stars[product][rating] += 1
        return {
            id: {
                "sum": sum(star * number for star, number in counts.items()),
                "count": counts.total(),
                "histogram": {str(star): counts[star] for star in range(1, 6)},
            }
            for id, counts in stars.items()
        }

    def wrong_in_cache(self) -> list[str]:
        """Keys that say something else than the database, and products that have none."""
        with redis.Redis.from_url(self.cache.url) as client:
            wrong = []
            for id, rating in self.ratings().items():
                self.platform.request("GET", f"/v1/products/{id}")
                average = round(rating["sum"] / rating["count"] + 1e-9, 2) if rating["count"] else None
                told = client.mget(f"product:{id}:rating", f"product:{id}:reviewCount")
                if told != [json.dumps(average).encode(), str(rating["count"]).encode()]:
                    wrong.append(f"{id}: {told}, stored {rating}")
            return wrong

    def told(self) -> dict[str, tuple[int, int]]:
        """What another service would know from `shop.ratings`: sum and count of the highest sequence number."""
        latest: dict[str, RatingChanged] = {}
        for message in read_all(self.platform.kafka, RATINGS_TOPIC):
            change = msgspec.json.decode(message.value or b"", type=RatingChanged)
            if change.productid not in latest or latest[change.productid].sequence < change.sequence:
                latest[change.productid] = change
        return {id: (change.sum, change.count) for id, change in latest.items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: StartPlatform, start_redis: Any) -> Iterator[Shop]:
    few = [word for domain in DOMAINS if domain != "catalog" for word in ("--consumers", f"{domain}=0")]
    with (
        start_redis(tmp_path_factory.mktemp("redis")) as cache,
        start_platform(
            tmp_path_factory.mktemp("catalog"), *few, CACHE_URL=cache.url, CACHE_TTL=CACHE_TTL
        ) as platform,
    ):  # fmt: skip
        yield Shop(platform, cache)


@contextmanager
def another_consumer(shop: Shop, number: int, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A further member of the group, for as long as the block lasts."""
    own = {"HEALTH_PORT": str(shop.platform.ports.health + number), "CONSUMER_SESSION_TIMEOUT_MS": "3000"}
    settings = {"CACHE_URL": shop.cache.url, "CACHE_TTL": CACHE_TTL, "LOG_LEVEL": "ERROR"}
    command = [shop.platform.tool("cm-api-consumer"), "--domain", "catalog"]
    with subprocess.Popen(command, env=shop.platform.environment | own | settings | extra) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(shop: Shop, number: int) -> bool:
    try:
        address = f"http://127.0.0.1:{shop.platform.ports.health + number}/readyz"
        return bool(shop.platform.http.request("GET", address, retries=False).status == 200)
    except urllib3.exceptions.HTTPError:
        return False


@contextmanager
def readers(shop: Shop, products: list[str]) -> Iterator[Counter[int]]:
    """Somebody looks at products all the time, straight at cm-api; the statuses of the answers."""
    stop, statuses, chance = threading.Event(), Counter[int](), random.Random(1)

    def read() -> None:
        while not stop.is_set():
            id = products[0] if chance.random() < HOT else chance.choice(products)
            answer = shop.platform.http.request("GET", f"{shop.platform.api_url}/v1/products/{id}", retries=3)
            statuses[answer.status] += 1

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join(60)


def test_a_rebuild_under_load_gives_the_same_collections(shop: Shop, until: Callable[..., None]) -> None:
    platform = shop.platform
    products = shop.products(20)
    crowd = shop.crowd("rebuild", products, max(1600, REVIEWS // 5))
    crowd.free(3)
    until(lambda: crowd.added > 100, "the writers are at work")
    first = platform.shopctl("rebuild", "catalog")
    assert (first.returncode, crowd.busy) == (0, True), first
    assert "every document is the same" in first.stdout
    assert shop.generation == "_g1"

    crowd.free(3)
    platform.db["products_g1"].update_one({"_id": products[1]}, {"$set": {"tags": ["by hand"]}})
    differs = platform.shopctl("rebuild", "catalog")
    assert (differs.returncode, shop.generation) == (3, "_g1"), differs
    assert f"products {products[1]}: differs" in differs.stdout
    assert "nothing was changed" in differs.stdout
    crowd.free(PIECES)
    repaired = platform.shopctl("rebuild", "catalog", "--repair")
    assert (repaired.returncode, shop.generation) == (3, "_g2"), repaired

    crowd.join()
    until(crowd.stored, "the log is drained", 600)
    shop.check()
    same = platform.shopctl("rebuild", "catalog", "--check")
    assert (same.returncode, "every document is the same" in same.stdout) == (0, True), same
    left = {name for name in platform.db.list_collection_names() if name.startswith(("products", "reviews"))}
    assert left == {"products_g2", "reviews_g2"}
    until(lambda: not shop.wrong_in_cache(), "the cache says what the database says", 90)


@dataclass
class Trouble:
    """What befalls the consumers and the cache, each time in the middle of a piece of the work."""

    shop: Shop
    crowd: Crowd
    until: Callable[..., None]
    kills: int = 0

    def work(self) -> None:
        """The next piece has begun, and some of it is applied."""
        before = self._applied()
        self.crowd.free()
        self.until(lambda: self._applied() > before, "it is at work", 180)

    def kill_the_first(self) -> None:
        platform, name = self.shop.platform, "catalog-consumer-1"
        self.until(lambda: platform.running(name), "it runs again", 90)
        self.work()
        dead = platform.signal(name, signal.SIGKILL)
        self.kills += 1
        self.until(lambda: platform.processes()[name].pid != dead and platform.running(name), "it is started anew", 90)

    def kill_another(self, place: str) -> None:
        """It joins, and dies at the worst moment of its second batch."""
        with another_consumer(self.shop, 7, FAILPOINT=f"{place}:2") as doomed:
            self.until(lambda: ready(self.shop, 7), "there are two", 90)
            self.crowd.free()

            def died() -> bool:
                self.crowd.nudge()
                return doomed.poll() is not None

            self.until(died, f"its second batch, {place}", 180)
            assert doomed.returncode == -signal.SIGKILL
        self.kills += 1

    def empty_the_cache(self) -> None:
        self.until(self.shop.cache.answers, "the cache answers", 10)
        with redis.Redis.from_url(self.shop.cache.url) as client:
            client.flushall()

    def _applied(self) -> int:
        return sum(self.shop.platform.positions(DOMAIN.topic).values())


def test_ratings_are_exact_whatever_is_killed(
    shop: Shop, until: Callable[..., None], record_testsuite_property: Callable[[str, Any], None]
) -> None:
    platform = shop.platform
    products, began = shop.products(PRODUCTS), time.monotonic()
    until(lambda: set(products) <= shop.ratings().keys(), "the products are stored")
    crowd = shop.crowd("soak", products, REVIEWS)
    trouble = Trouble(shop, crowd, until)
    with readers(shop, products) as statuses:
        trouble.kill_the_first()
        trouble.work()
        trouble.empty_the_cache()
        trouble.kill_another("decoded")
        trouble.kill_another("half_written")
        trouble.kill_another("committed")
        shop.cache.kill()
        with another_consumer(shop, 7) as second, another_consumer(shop, 8) as third:
            until(lambda: ready(shop, 7) and ready(shop, 8), "there are three", 90)
            trouble.work()
            second.kill()
            shop.cache.start()
            trouble.kill_the_first()
            trouble.empty_the_cache()
            trouble.work()
            third.terminate()
            assert third.wait(60) == 0, "and one again"
        trouble.kill_the_first()
        crowd.free(PIECES)
        crowd.join()
        until(crowd.stored, "the log is drained", 1200)
    sent = sum((writer.sent for writer in crowd.writers), Counter[str]())
    record_testsuite_property(
        "soak", f"{dict(sent)}, {time.monotonic() - began:.0f} s, {trouble.kills + 1} kills, {statuses}"
    )
    shop.check()
    assert (trouble.kills + 1, set(statuses)) == (7, {200})
    refused = platform.db["rejections"].count_documents({"topic": DOMAIN.topic})
    assert refused == sum(writer.sent["refused"] for crowd in shop.crowds for writer in crowd.writers)
    until(lambda: platform.db["outbox"].count_documents({}) == 0, "every change is told")
    told = shop.told()
    assert told == {id: (rating["sum"], rating["count"]) for id, rating in shop.ratings().items() if id in told}
    until(lambda: not shop.wrong_in_cache(), "the cache says what the database says", 90)
