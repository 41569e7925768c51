"""Erasing and exporting a person, and that no name is in what we log and measure."""

from __future__ import annotations

import json
import re
import urllib.parse
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events import PERSONAL, catalog, purchases
from shop_core.events.envelope import encode
from shop_core.events.instants import Instant

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.security.conftest import Door, Issuer

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}


class Shop:
    """Short ways to buy and review at the platform's open door."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return self.platform.request(method, path, body=data, headers=JSON | headers)

    def buy(self, userid: str, price: str = "10", **fields: str) -> Any:
        sent = {"username": userid, "userid": userid, "price": price} | fields
        answer = self.send("POST", "/v1/purchases", sent)
        assert answer.status == 201, answer.data
        return answer.json()

    def product(self) -> str:
        return str(self.send("POST", "/v1/products", {"name": "lamp", "price": "5"}).json()["id"])

    def review(self, product: str, userid: str, rating: int) -> Any:
        body = {"userid": userid, "rating": rating, "text": "said", "displayName": "D"}
        return self.send("POST", f"/v1/products/{product}/reviews", body)

    def click(self, user: str, at: int) -> dict[str, int]:
        """One click at `at` ms; what its hour came to after it."""
        answer = self.send("POST", f"/analytics?timestamp={at}&user={user}&click")
        assert answer.status == 204
        return self.hour(at, f"&after={answer.headers['X-Receipt']}")

    def hour(self, at: int, after: str = "") -> dict[str, int]:
        found = self.send("GET", f"/analytics?timestamp={at}{after}", Accept="application/json").json()
        return {name: found[name] for name in ("uniqueUsers", "clicks")}

    def erase(self, userid: str, **headers: str) -> Any:
        return self.send("DELETE", f"/v1/users/{userid}", **headers)

    def export(self, userid: str) -> Any:
        return self.send("GET", f"/v1/users/{userid}/export").json()

    def everywhere(self, text: str) -> list[str]:
        """The collections whose documents hold `text` anywhere, whatever generation a rebuild has left them in."""
        db = self.platform.db
        found = [name for name in db.list_collection_names() if any(text in repr(d) for d in db[name].find({}))]
        return sorted(re.sub(r"_g\d+$", "", name) for name in found)


@pytest.fixture
def shop(platform: Platform) -> Shop:
    return Shop(platform)


@pytest.fixture
def user() -> str:
    return f"person-{uuid.uuid4().hex[:10]}"


def test_erased_from_every_read_model_with_the_rest_as_it_was(shop: Shop, user: str) -> None:
    other, product, second = f"{user[7:]}-other", shop.product(), shop.product()
    for number in range(3):
        shop.buy(user, str(number + 1))
    shop.buy(other, "7")
    for person, rating in ((user, 1), (other, 4)):
        assert shop.review(product, person, rating).status == 201
    assert shop.review(second, user, 5).status == 201
    kept = shop.export(user)
    assert (kept["profile"]["count"], len(kept["purchases"]), len(kept["reviews"])) == (3, 3, 2)
    assert {"purchases", "users", "reviews"} <= set(shop.everywhere(user))

    done = shop.erase(user)
    assert done.status == 200 and set(done.json()["receipts"]) == {domain.name for domain in PERSONAL}
    assert shop.everywhere(user) == []
    assert shop.export(user) == {"userid": user, "profile": None, "purchases": [], "reviews": [], "next": None}
    assert shop.send("GET", f"/v1/users/{user}").status == 404
    rating = shop.send("GET", f"/v1/products/{product}/rating").json()
    assert (rating["averageRating"], rating["reviewCount"]) == (4.0, 1)
    assert shop.send("GET", f"/v1/products/{second}/rating").json()["reviewCount"] == 0
    assert shop.export(other)["profile"]["count"] == 1

    audit = list(shop.platform.db["erasures"].find({"receipt": {"$in": list(done.json()["receipts"].values())}}))
    assert {doc["by"] for doc in audit} == {"anonymous"} and len(audit) == len(PERSONAL)


def test_erasing_again_changes_nothing_and_coming_back_is_possible(shop: Shop, user: str) -> None:
    shop.buy(user)
    first = shop.erase(user, **{"Idempotency-Key": user})
    again = shop.erase(user, **{"Idempotency-Key": user})
    assert (first.status, again.status) == (200, 200) and first.json()["id"] == again.json()["id"]
    assert shop.everywhere(user) == []
    shop.buy(user, "3")
    assert shop.export(user)["profile"]["count"] == 1
    assert shop.erase(f"{user}-never-seen").status == 200


def test_what_was_said_before_and_comes_late_stays_forgotten(
    shop: Shop, user: str, publisher: Any, until: Callable[..., None]
) -> None:
    """As out of a dead letter, or from a partition that is behind."""
    product = shop.product()
    shop.erase(user)
    before, after = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(seconds=5)
    ids = {moment: uuid.uuid4().hex for moment in (before, after)}
    for moment, id in ids.items():
        bought = purchases.PurchaseMade(user, user, "1", Instant.of(moment))
        said = catalog.ReviewAdded(product, id, user, 5, Instant.of(moment), "late", "D")
        for domain, type_, data, key in (
            (purchases.DOMAIN, purchases.PURCHASE_MADE, bought, user),
            (catalog.DOMAIN, catalog.REVIEW_ADDED, said, product),
        ):
            publisher.publish([encode(domain, type_, data, key=key, id=id, time=moment)])
    shown: Callable[[str], int] = lambda what: len(shop.export(user)[what])  # noqa: E731
    until(lambda: shown("reviews") == shown("purchases") == 1, "what came after is there")
    assert shop.export(user)["purchases"][0]["_id"] == ids[after]
    assert shop.export(user)["reviews"][0]["id"] == ids[after]


def test_a_visitor_is_forgotten_and_the_hours_they_were_in_stay_counted(shop: Shop, user: str) -> None:
    at = int(datetime(2026, 3, 1, 12, 30, tzinfo=UTC).timestamp() * 1000)
    before = shop.click(f"other-than-{user[7:]}", at)
    counted = shop.click(user, at)
    assert counted == {name: number + 1 for name, number in before.items()}
    assert shop.click(user, at)["uniqueUsers"] == counted["uniqueUsers"], "the same user again"
    done = shop.erase(user)
    assert done.status == 200 and shop.everywhere(user) == []
    after = f"&after={done.json()['receipts']['analytics']}"
    assert shop.hour(at, after) == {"uniqueUsers": counted["uniqueUsers"], "clicks": counted["clicks"] + 1}


def test_who_may_erase_and_export(door: Door, issuer: Issuer, user: str) -> None:
    def erase(credentials: str) -> int:
        return int(door.request("DELETE", f"/v1/users/{user}", credentials).status)

    own, admin = issuer.token(user), door.key("admin")
    assert erase(issuer.token("other")) == erase(door.key("purchases:write catalog:write")) == 403
    assert erase(own) == erase(admin) == 202
    path = f"/v1/users/{user}/export"
    assert [door.request("GET", path, who).status for who in (own, admin, issuer.token("other"))] == [200, 200, 403]


@pytest.mark.security(26)
def test_no_name_and_no_secret_is_logged_or_measured(
    shop: Shop, platform: Platform, door: Door, issuer: Issuer, until: Callable[..., None]
) -> None:
    """Canaries in every place that a caller fills, on good ways and bad ones; then all logs and metrics are read."""
    canary = f"canary{uuid.uuid4().hex}"
    shop.buy(canary)
    product = shop.product()
    shop.review(product, canary, 5)
    assert shop.review(product, canary, 4).status == 409
    body = {"username": canary, "userid": canary, "price": "1"}
    for key in ("a", "b"):
        other = body | {"price": (key == "a" and "1") or "2"}
        shop.send("POST", "/v1/purchases", other, **{"Idempotency-Key": canary})
    for bad in (body | {"price": canary}, body | {canary: 1}, {"username": canary * 9}, [canary]):
        assert shop.send("POST", "/buy", bad).status in (400, 422)
    for path in (f"/getAllUserBuys/{canary}", f"/v1/users/{canary}", f"/{canary}", f"/v1/products/{canary}?{canary}=1"):
        shop.send("GET", path)
    shop.send(canary.upper(), "/buy")
    shop.platform.http.request("GET", f"{platform.api_url}/buyList/{canary}?cursor={canary}")
    for credentials in (canary, f"shop_{canary}", issuer.token(canary), door.key("purchases:write", canary)):
        door.request("GET", f"/getAllUserBuys/{canary}", credentials)
        door.request("POST", "/buy", credentials, body=json.dumps(body).encode(), headers=JSON)
    door.request("DELETE", f"/v1/users/{uuid.uuid4().hex}", issuer.token(canary, scope="admin"))
    shop.erase(canary)
    shop.send("GET", f"/v1/users/{canary}/export")

    secrets = [door.token_file.read_text().split()[0], door.key("admin")[-43:], issuer.token("x").split(".")[2]]
    texts = {path.name: path.read_text(errors="replace") for path in (platform.state_dir / "logs").glob("*.log")}
    texts |= {f"door's {path.name}": path.read_text(errors="replace") for path in (door.log, door.api_log)}
    ports = [int(p.address.rpartition(":")[2]) for name, p in platform.processes().items() if "consumer" in name]
    addresses = [platform.base_url, platform.api_url, door.api_url, *(f"http://127.0.0.1:{port}" for port in ports)]
    texts |= {where: door.http.request("GET", f"{where}/metrics").data.decode() for where in addresses}
    assert len(texts) >= 15
    for where, text in texts.items():
        for word in (canary, canary.upper(), *secrets):
            assert word not in urllib.parse.unquote(text), f"{where}: {excerpt(text, word)}"


def excerpt(text: str, word: str) -> str:
    found = re.search(f".{{0,200}}{re.escape(word)}.{{0,100}}", text)
    return found.group(0) if found else ""
