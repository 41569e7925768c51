"""`shopctl verify` finds what a hand in the database takes, adds or changes, names it, and is silent otherwise; and
canaries are erased, however a run ends.

On a platform of its own: what other tests do to a database on purpose would be found here.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bson.decimal128 import Decimal128

from shop_core.events import DOMAINS, purchases
from shop_core.events.envelope import Record, encode
from shop_core.events.instants import Instant
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topic_reader import topic_log

if TYPE_CHECKING:
    from tests.conftest import Platform, StartPlatform

NOW = datetime.now(UTC)
USER, ERASED, REVIEWER = "verify-ada", "verify-gone", "verify-rex"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: StartPlatform) -> Iterator[Platform]:
    with start_platform(tmp_path_factory.mktemp("verify"), "--consumers", "purchases=2") as platform:
        fill(platform)
        yield platform


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebooks are, which go on from test to test."""
    return tmp_path_factory.mktemp("notebooks")


def send(platform: Platform, method: str, path: str, *statuses: int, body: Any = None, **headers: str) -> Any:
    told = {"Content-Type": "application/json", "Prefer": "wait=10", **headers}
    sent = None if body is None else json.dumps(body)
    answer = platform.request(method, path, headers=told, body=sent)
    assert answer.status in statuses, (path, answer.status, answer.data)
    return answer.json() if answer.data else None


def fill(platform: Platform) -> None:
    """Some of everything that may become of an event."""
    day = "2026-01-02T03:04:05.60Z"
    some = [{"username": "Ada", "userid": f"{USER}-{n % 20}", "price": f"{n}.50", "timestamp": day}
            for n in range(1, 200)]  # fmt: skip
    send(platform, "POST", "/v1/purchases:batch", 202, body=some)
    for user in (USER, ERASED):
        for _ in range(2):  # the second one is a duplicate
            body = {"username": "Ada", "userid": user, "price": "7.50"}
            send(platform, "POST", "/v1/purchases", 201, 200, body=body, **{"Idempotency-Key": f"{user}-key"})
    product = send(platform, "POST", "/v1/products", 201, body={"name": "lamp", "price": "1", "tags": ["a", "b"]})["id"]
    for user in (REVIEWER, ERASED):
        said = {"userid": user, "rating": 5, "text": "x" * 100, "displayName": "Rex"}
        send(platform, "POST", f"/v1/products/{product}/reviews", 201, body=said)
        send(platform, "POST", f"/v1/products/{product}/reviews", 409, body=said)
    for number in range(4):
        lamp = send(platform, "POST", "/v1/products", 201, body={"name": f"lamp {number}", "price": "3"})["id"]
        if number:
            stars = {"userid": REVIEWER, "rating": number, "displayName": "Rex"}
            send(platform, "POST", f"/v1/products/{lamp}/reviews", 201, body=stars)
    send(platform, "PATCH", f"/v1/products/{product}", 200, body={"price": "2.00", "description": "y" * 100})
    gone = send(platform, "POST", "/v1/products", 201, body={"name": "cage", "price": "1"})["id"]
    send(platform, "POST", f"/v1/products/{gone}/reviews", 201, body={"userid": USER, "rating": 1, "displayName": "A"})
    send(platform, "DELETE", f"/v1/products/{gone}", 204)
    dates = {"startDate": "2031/01/01 00:00:00", "endDate": "2031-02-01T00:00:00.5Z"}
    campaign = send(platform, "POST", "/campaign-events/", 201, body={"name": "sale", **dates})["id"]
    send(platform, "POST", "/events/", 201, body={"name": "hour", "campaignEventId": campaign, **dates})
    send(platform, "PATCH", f"/campaign-events/{campaign}", 200, body={"endDate": "2031-03-01T00:00:00Z"})
    for user in (USER, ERASED, USER):
        send(platform, "POST", f"/analytics?timestamp=1000000000000&user={user}&click", 204, 202)
    send(platform, "DELETE", f"/v1/users/{ERASED}", 200)
    send(platform, "POST", f"/analytics?timestamp=1000000000001&user={ERASED}&impression", 204, 202)
    publisher = KafkaPublisher(platform.kafka)
    assert publisher.connected(10)
    publisher.publish([Record(domain.topic, b"poison", b"{", ()) for domain in DOMAINS.values()])
    twice = purchases.PurchaseMade("Ada", "verify-twice", "1.00", Instant.of(NOW))
    publisher.publish(
        [encode(purchases.DOMAIN, purchases.PURCHASE_MADE, twice, key=twice.userid, id="verify-twice", time=NOW)] * 2
    )
    publisher.close()


def verified(shop: Platform, work: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the verdict."""
    done = shop.shopctl("verify", "log", "--json", "--work", str(work), *words)
    assert done.returncode in (0, 3), done
    return done.returncode, json.loads(done.stdout)


def found(said: dict[str, Any]) -> dict[str, list[str]]:
    return {each["name"]: each["lines"] for each in said["judged"] if each["number"]}


def ends(platform: Platform, topic: str) -> dict[int, int]:
    with topic_log(platform.kafka, topic) as log:
        return log.ends()


def test_all_is_well_and_a_second_run_goes_on_from_the_first(
    shop: Platform, work: Path, until: Callable[..., None]
) -> None:
    for domain in DOMAINS.values():
        end = ends(shop, domain.topic)
        until(lambda end=end, topic=domain.topic: shop.passed(end, topic), f"{domain.topic} is stored")
    code, said = verified(shop, work)
    assert (code, said["state"], found(said)) == (0, "all well", {}), said
    facts = said["facts"]
    rejected = {"purchases": 1, "catalog": 3, "campaigns": 1, "analytics": 1}  # the poison, and two second reviews
    assert all(f", {rejected[domain]} rejected; 0 waiting" in told for domain, told in facts.items()), facts
    assert " duplicate, " in facts["purchases"] and "read 0 events" not in facts["purchases"]
    again = verified(shop, work)[1]
    assert again["facts"].keys() == DOMAINS.keys()
    assert all("read 0 events now" in told for told in again["facts"].values()), again


@dataclass
class Hand:
    """Somebody in the database, who can put back what they did."""

    db: Any
    back: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)

    def take(self, collection: str, **query: Any) -> Any:
        doc = self.db[collection].find_one_and_delete(query)
        self.back.append((collection, doc))
        return doc["_id"]

    def change(self, collection: str, query: dict[str, Any], change: dict[str, Any]) -> Any:
        doc = self.db[collection].find_one(query)
        self.db[collection].update_one({"_id": doc["_id"]}, change)
        self.back.append((collection, doc))
        return doc["_id"]

    def add(self, collection: str, doc: dict[str, Any]) -> str:
        self.db[collection].insert_one(doc)
        self.added.append((collection, doc["_id"]))
        return str(doc["_id"])

    def put_back(self) -> None:
        for collection, id in self.added:
            self.db[collection].delete_one({"_id": id})
        for collection, doc in reversed(self.back):
            self.db[collection].replace_one({"_id": doc["_id"]}, doc, upsert=True)


def spoil_purchases(hand: Hand) -> list[tuple[str, str]]:
    """What has to be found: the fault, and a word of its line. Whose purchases are others has a wrong profile too."""
    user = [f"{USER}-{number}" for number in range(8)]
    said = dict.fromkeys(("username", "userid", "price", "timestamp", "order", "partition"), "")
    twice, strange = (hand.db["purchases"].find_one({"userid": each}) for each in user[2:4])
    return [
        ("lost", hand.take("purchases", userid=user[0])),
        ("lost", hand.change("purchases", {"userid": user[1]}, {"$unset": said})),  # as an erasure nobody asked for
        ("doubled", hand.add("purchases", twice | {"_id": "a-second-one"})),
        ("ghost", hand.add("purchases", strange | {"_id": "a-strange-one", "username": "nobody"})),
        ("changed", hand.change("purchases", {"userid": user[4]}, {"$set": {"price": Decimal128("0.01")}})),
        ("wrong", hand.change("users", {"_id": user[5]}, {"$inc": {"count": 1}})),
        ("wrong", hand.take("users", _id=user[6])),
        *(("wrong", f"of user {each}: ") for each in user[:5]),
    ]


def spoil_catalog(hand: Hand) -> list[tuple[str, str]]:
    lamps = {doc["name"]: doc["_id"] for doc in hand.db["products"].find({})}
    things = [*lamps.values(), *(doc["_id"] for doc in hand.db["reviews"].find({}))]
    return [
        ("lost", hand.take("products", _id=lamps["lamp 0"])),
        ("lost", hand.take("reviews", productid=lamps["lamp 1"])),
        ("wrong", lamps["lamp 1"]),
        ("changed", hand.change("reviews", {"productid": lamps["lamp"]}, {"$set": {"text": "another"}})),
        ("changed", hand.change("products", {"_id": lamps["lamp 2"]}, {"$set": {"tags": ["another"]}})),
        ("wrong", hand.change("products", {"_id": lamps["lamp 3"]}, {"$inc": {"rating.sum": 1}})),
        ("lost", hand.take("catalog_applied", _id={"$nin": things})),
        ("lost", hand.take("rejections", topic="shop.catalog", status=409)),
        ("wrong", "the positions count 3 rejected, the log gives 2"),
        ("wrong", "the positions count 26 stored, the log gives 27"),
    ]


def spoil_others(hand: Hand) -> list[tuple[str, str]]:
    """And campaigns counted once too often by their position; an interaction that is counted, and one that can't be
    read and was refused."""
    hour = hand.db["analytics_counts"].find_one({"step": "hour"})
    hand.change("analytics_counts", {"_id": hour["_id"]}, {"$inc": {"clicks": -1}})
    stands = {"_id": {"$regex": "/shop.campaigns/"}, "counts.rejected": 1}
    hand.change("positions", stands, {"$inc": {"counts.stored": 1, "counts.rejected": -1}})
    return [
        ("lost", hand.take("campaign_events")),
        ("changed", hand.change("campaigns", {}, {"$set": {"name": "another"}})),
        ("changed", hand.change("campaigns_applied", {}, {"$set": {"digest": "another"}})),
        ("wrong", "the positions count 4 stored, the log gives 3"),
        ("wrong", "the positions count 0 rejected, the log gives 1"),
        ("wrong", f"hour-{hour['number']}"),
        ("lost", hand.take("rejections", topic="shop.analytics")),
        ("wrong", "the positions count 1 rejected, the log gives 0"),
    ]


def test_what_a_hand_did_is_found_and_named_and_nothing_else(shop: Platform, work: Path, tmp_path: Path) -> None:
    hand = Hand(shop.db)
    try:
        due = [*spoil_purchases(hand), *spoil_catalog(hand), *spoil_others(hand)]
        code, said = verified(shop, tmp_path)
    finally:
        hand.put_back()
    told = found(said)
    missed = [(fault, about) for fault, about in due if not any(about in line for line in told.get(fault, []))]
    assert (code, missed) == (3, []), told
    assert {name: len(lines) for name, lines in told.items()} == Counter(fault for fault, _ in due), told
    assert verified(shop, work)[0] == 0, "nothing is left of it"


def test_a_notebook_that_somebody_else_reads_is_refused(shop: Platform, work: Path) -> None:
    held = sqlite3.connect(work / "shop-purchases.sqlite")
    held.execute("begin exclusive")
    try:
        done = shop.shopctl("verify", "log", "purchases", "--work", str(work))
        assert done.returncode == 2 and "can't be used" in done.stderr, done
    finally:
        held.close()


def test_without_a_database_there_is_no_verdict_but_a_page(shop: Platform, work: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = shop.shopctl(
        "verify", "log", "--work", str(work), "--report", str(page), MONGODB_URI="mongodb://127.0.0.1:9"
    )
    assert done.returncode == 4 and "No verdict" in done.stdout, done
    assert "No verdict" in page.read_text()


@contextmanager
def live(shop: Platform, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`shopctl verify live` while the block lasts."""
    place = ("--url", shop.base_url, "--rate", "40", "--json", "--settle", "60s", "--slow", "60s")
    command = [shop.tool("shopctl"), "verify", "live", *place, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shop.environment
    ) as it:
        try:
            yield it
        finally:
            it.kill()


def canaries(shop: Platform) -> list[dict[str, Any]]:
    """What is stored of canaries that are not erased."""
    return list(shop.db["purchases"].find({"userid": {"$regex": "^canary-"}}))


def ended(it: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    out, err = it.communicate(timeout=120)
    return it.returncode, json.loads(out), err


def test_canaries_outlive_a_consumer_that_is_killed_and_are_erased(
    shop: Platform, tmp_path: Path, until: Callable[..., None]
) -> None:
    with live(shop, "--for", "3s", "--report", str(tmp_path / "page.html")) as it:
        until(lambda: canaries(shop), "canaries are stored")
        shop.signal("purchases-consumer-1", signal.SIGKILL)
        code, said, err = ended(it)
    assert (code, said["state"], found(said)) == (0, "all well", {}), (said, err)
    assert int(said["facts"]["stored"]) == int(said["facts"]["acknowledged"]) > 60
    assert "All is well" in (tmp_path / "page.html").read_text()
    assert canaries(shop) == [] and not said["notes"]
    run = said["facts"]["run"]
    assert all(shop.request("GET", f"/v1/users/canary-{run}-{number}").status == 404 for number in range(12))


def test_what_is_lost_doubled_or_changed_while_it_runs_is_told(shop: Platform, until: Callable[..., None]) -> None:
    db = shop.db["purchases"]
    with live(shop, "--for", "5s") as it:
        until(lambda: len(canaries(shop)) > 30, "canaries are stored")
        lost, twice, other, *_ = canaries(shop)
        db.delete_one({"_id": lost["_id"]})
        db.insert_one(twice | {"_id": f"{twice['_id']}-again", "order": twice["order"].replace("-", "-0", 1)})
        db.update_one({"_id": other["_id"]}, {"$set": {"price": Decimal128("999999.99")}})
        shop.db["users"].update_one({"_id": other["userid"]}, {"$inc": {"count": 1}})
        code, said, err = ended(it)
    told = found(said)
    assert code == 3 and told.keys() == {"lost", "doubled", "changed", "wrong"}, (said, err)
    for name, doc in (("lost", lost), ("doubled", twice), ("changed", other)):
        assert len(told[name]) == 1 and f"purchase {doc['username']} " in told[name][0], told
    assert len(told["wrong"]) == 1 and f"total of {other['userid']}: " in told["wrong"][0], told
    assert canaries(shop) == []


def test_it_ends_by_term_and_leaves_no_canary(shop: Platform, until: Callable[..., None]) -> None:
    with live(shop, "--for", "10m") as it:
        until(lambda: canaries(shop), "canaries are stored")
        it.send_signal(signal.SIGTERM)
        code, said, err = ended(it)
    assert (code, said["state"]) == (130, "interrupted"), err
    assert canaries(shop) == []


def test_canaries_that_a_killed_run_left_are_erased_by_its_name(shop: Platform, until: Callable[..., None]) -> None:
    with live(shop, "--for", "10m") as it:
        assert it.stderr is not None
        run = it.stderr.readline().split()[2]
        until(lambda: canaries(shop), "canaries are stored")
        it.kill()
    done = shop.shopctl("verify", "live", "--url", shop.base_url, "--erase", run)
    assert (done.returncode, done.stdout) == (0, f"The canaries of {run} are erased.\n"), done
    assert canaries(shop) == []


def test_a_door_that_does_not_answer_is_no_verdict(tmp_path: Path, shop: Platform) -> None:
    page = tmp_path / "page.html"
    words = ("--url", "http://127.0.0.1:9/shop", "--settle", "1s", "--for", "1s", "--report", str(page))
    done = shop.shopctl("verify", "live", *words)
    assert done.returncode == 4 and "No verdict: http://127.0.0.1:9/shop does not answer" in done.stdout, done
    assert "does not answer" in page.read_text()
