"""`shopctl verify` finds what a hand in the database takes, adds or changes, names it, and is silent otherwise; and
canaries are erased, however a run ends.

On a platform of its own: what other tests do to a database on purpose would be found here.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bson.decimal128 import Decimal128

from shop_core.events import DOMAINS
from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform, StartPlatform

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
    publisher = KafkaPublisher(platform.bootstrap)
    assert publisher.connected(10)
    for domain in DOMAINS.values():
        publisher.publish([Record(domain.topic, b"poison", b"{", ())])
    publisher.close()


def verified(shop: Platform, work: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the verdict."""
    done = shop.shopctl("verify", "log", "--json", "--work", str(work), *words)
    assert done.returncode in (0, 3), done
    return done.returncode, json.loads(done.stdout)


def found(said: dict[str, Any]) -> dict[str, list[str]]:
    return {each["name"]: each["lines"] for each in said["judged"] if each["number"]}


def drained(shop: Platform) -> bool:
    done = shop.shopctl("verify", "log", "--json", "--work", str(shop.state_dir / "drained"))
    return all("; 0 waiting" in told for told in json.loads(done.stdout)["facts"].values())


def test_all_is_well_and_a_second_run_goes_on_from_the_first(
    shop: Platform, work: Path, until: Callable[..., None]
) -> None:
    until(lambda: drained(shop), "every event is dealt with")
    code, said = verified(shop, work)
    assert (code, said["state"], found(said)) == (0, "all well", {}), said
    for domain, told in said["facts"].items():
        assert " 1 rejected" in told or " 3 rejected" in told, (domain, told)  # the poison, and two second reviews
    assert "2 duplicate" in said["facts"]["purchases"] and "read 0 events" not in said["facts"]["purchases"]
    again = verified(shop, work)[1]
    assert again["facts"].keys() == DOMAINS.keys()
    assert all("read 0 events now" in told for told in again["facts"].values()), again


def _take_purchase(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["purchases"].find_one_and_delete({"userid": USER})
    return doc["_id"], lambda: db["purchases"].insert_one(doc)


def _take_content(db: Any) -> tuple[str, Callable[[], Any]]:
    """As an erasure does that nobody asked for."""
    doc = db["purchases"].find_one({"userid": USER})
    db["purchases"].replace_one({"_id": doc["_id"]}, {"_id": doc["_id"], "digest": doc["digest"]})
    return doc["_id"], lambda: db["purchases"].replace_one({"_id": doc["_id"]}, doc)


def _double_purchase(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["purchases"].find_one({"userid": USER})
    db["purchases"].insert_one(doc | {"_id": "a-second-one"})
    return "a-second-one", lambda: db["purchases"].delete_one({"_id": "a-second-one"})


def _strange_purchase(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["purchases"].find_one({"userid": USER})
    db["purchases"].insert_one(doc | {"_id": "a-ghost", "username": "nobody"})
    return "a-ghost", lambda: db["purchases"].delete_one({"_id": "a-ghost"})


def _change_price(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["purchases"].find_one({"userid": USER})
    db["purchases"].update_one({"_id": doc["_id"]}, {"$set": {"price": Decimal128("0.01")}})
    return doc["_id"], lambda: db["purchases"].replace_one({"_id": doc["_id"]}, doc)


def _another_digest(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["campaigns_applied"].find_one({})
    db["campaigns_applied"].update_one({"_id": doc["_id"]}, {"$set": {"digest": "another"}})
    return doc["_id"], lambda: db["campaigns_applied"].replace_one({"_id": doc["_id"]}, doc)


def _count_once_more(db: Any) -> tuple[str, Callable[[], Any]]:
    db["users"].update_one({"_id": USER}, {"$inc": {"count": 1}})
    return USER, lambda: db["users"].update_one({"_id": USER}, {"$inc": {"count": -1}})


def _take_profile(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["users"].find_one_and_delete({"_id": USER})
    return USER, lambda: db["users"].insert_one(doc)


def _take(collection: str) -> Callable[[Any], tuple[str, Callable[[], Any]]]:
    def take(db: Any) -> tuple[str, Callable[[], Any]]:
        doc = db[collection].find_one_and_delete({})
        return doc["_id"], lambda: db[collection].insert_one(doc)

    return take


def _change(collection: str, field: str) -> Callable[[Any], tuple[str, Callable[[], Any]]]:
    def change(db: Any) -> tuple[str, Callable[[], Any]]:
        doc = db[collection].find_one({})
        db[collection].update_one({"_id": doc["_id"]}, {"$set": {field: "another"}})
        return doc["_id"], lambda: db[collection].replace_one({"_id": doc["_id"]}, doc)

    return change


def _stars(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["products"].find_one({})
    db["products"].update_one({"_id": doc["_id"]}, {"$inc": {"rating.sum": 1}})
    return doc["_id"], lambda: db["products"].replace_one({"_id": doc["_id"]}, doc)


def _clicks(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["analytics_counts"].find_one({"step": "hour"})
    db["analytics_counts"].update_one({"_id": doc["_id"]}, {"$inc": {"clicks": -1}})
    return f"hour-{doc['number']}", lambda: db["analytics_counts"].replace_one({"_id": doc["_id"]}, doc)


def _counts_of_position(db: Any) -> tuple[str, Callable[[], Any]]:
    doc = db["positions"].find_one({"_id": {"$regex": "/shop.campaigns/"}, "counts.stored": {"$gte": 1}})
    back = {"$inc": {"counts.stored": 1, "counts.rejected": -1}}
    db["positions"].update_one({"_id": doc["_id"]}, {"$inc": {"counts.stored": -1, "counts.rejected": 1}})
    return "positions", lambda: db["positions"].update_one({"_id": doc["_id"]}, back)


PLANTS = (
    ("purchases", "lost", _take_purchase), ("purchases", "lost", _take_content),
    ("purchases", "doubled", _double_purchase), ("purchases", "ghost", _strange_purchase),
    ("purchases", "changed", _change_price), ("purchases", "wrong", _count_once_more),
    ("purchases", "wrong", _take_profile), ("catalog", "lost", _take("products")),
    ("catalog", "lost", _take("reviews")), ("catalog", "lost", _take("catalog_applied")),
    ("catalog", "changed", _change("reviews", "text")), ("catalog", "changed", _change("products", "description")),
    ("catalog", "wrong", _stars), ("campaigns", "lost", _take("campaign_events")),
    ("campaigns", "changed", _change("campaigns", "name")), ("campaigns", "changed", _another_digest),
    ("campaigns", "wrong", _counts_of_position), ("analytics", "wrong", _clicks),
)  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "fault", "plant"), PLANTS, ids=[f"{d}-{f}-{n}" for n, (d, f, _) in enumerate(PLANTS)]
)
def test_what_a_hand_did_is_found_and_named(
    shop: Platform, work: Path, domain: str, fault: str, plant: Callable[[Any], tuple[str, Callable[[], Any]]]
) -> None:
    about, restore = plant(shop.db)
    try:
        code, said = verified(shop, work, domain)
    finally:
        restore()
    assert code == 3 and any(about in line for line in found(said).get(fault, [])), (about, found(said))
    assert verified(shop, work, domain)[0] == 0, "nothing is left of it"


def test_a_refusal_that_nobody_kept_is_a_loss(shop: Platform, tmp_path: Path) -> None:
    """Of an event that can be read and broke a rule, and of one that can't."""
    db = shop.db["rejections"]
    gone: list[Any] = [db.find_one_and_delete({"topic": "shop.catalog", "status": 409})]
    gone += [db.find_one_and_delete({"topic": "shop.analytics"})]
    try:
        said = verified(shop, tmp_path, "catalog", "analytics")[1]
    finally:
        db.insert_many(gone)
    lost = found(said)["lost"]
    assert all(any(doc["_id"] in line for line in lost) for doc in gone), lost


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
    place = ("--url", shop.base_url, "--rate", "40", "--json", "--settle", "20s")
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
        shop.signal("purchases-1", signal.SIGKILL)
        code, said, err = ended(it)
    assert (code, said["state"], found(said)) == (0, "all well", {}), (said, err)
    assert int(said["facts"]["stored"]) == int(said["facts"]["acknowledged"]) == 120
    assert "All is well" in (tmp_path / "page.html").read_text()
    assert canaries(shop) == [] and not said["notes"]
    run = said["facts"]["run"]
    assert all(shop.request("GET", f"/v1/users/canary-{run}-{number}").status == 404 for number in range(12))


def test_what_is_lost_doubled_or_changed_while_it_runs_is_told(shop: Platform, until: Callable[..., None]) -> None:
    db = shop.db["purchases"]
    with live(shop, "--for", "3s", "--slow", "1s") as it:
        until(lambda: len(canaries(shop)) > 30, "canaries are stored")
        lost, twice, other, *_ = canaries(shop)
        db.delete_one({"_id": lost["_id"]})
        db.insert_one(twice | {"_id": f"{twice['_id']}-again", "order": twice["order"].replace("-", "-0", 1)})
        db.update_one({"_id": other["_id"]}, {"$set": {"price": Decimal128("999999.99")}})
        code, said, err = ended(it)
    told = found(said)
    assert code == 3 and told.keys() - {"slow"} == {"lost", "doubled", "changed", "wrong"}, (said, err)
    for name, doc in (("lost", lost), ("doubled", twice), ("changed", other)):
        assert len(told[name]) == 1 and f"purchase {doc['username']} " in told[name][0], told
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
