"""What an erasure meets on a real platform whose partitions are ahead of each other: rebuilds that swap, letters sent
again, retries, and readers with cursors, ETags and caches. Each case ends with a rebuild that finds no difference."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cm_api.registry import rebuildable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
REBUILDS = 2
SOME = 12


@dataclass
class Door:
    """Short ways to say something; who speaks is named for this case alone."""

    platform: Any
    until: Callable[..., None]
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def send(self, method: str, path: str, body: Any = None, key: str = "", wait: int = 20) -> Any:
        headers = {"Content-Type": "application/json", "Prefer": f"wait={wait}"}
        headers |= {"Idempotency-Key": f"{key}-{self.tag}"} if key else {}
        sent = None if body is None else json.dumps(body)
        return self.platform.request(method, path, body=sent, headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        return self.platform.request("GET", path, headers=headers)

    def product(self) -> str:
        answer = self.send("POST", "/v1/products", {"name": f"lamp {self.tag}", "price": "5"})
        assert answer.status == 201, answer.data
        return str(answer.json()["id"])

    def review(self, product: str, user: str, key: str = "", wait: int = 20, rating: int = 1) -> Any:
        said = {"userid": user, "displayName": "D", "rating": rating, "text": "t"}
        return self.send("POST", f"/v1/products/{product}/reviews", said, key, wait)

    def buy(self, user: str, key: str = "", price: str = "1") -> Any:
        return self.send("POST", "/v1/purchases", {"userid": user, "username": user, "price": price}, key)

    def erase(self, user: str, key: str = "") -> None:
        answer = self.send("DELETE", f"/v1/users/{user}", key=key)
        for receipt in answer.json().get("pending", []):
            self.until(lambda receipt=receipt: self.state(receipt) == "stored", f"{receipt} is applied")

    def state(self, receipt: str) -> str:
        return str(self.get(f"/v1/receipts/{receipt}").json()["state"])

    def kept(self, user: str) -> tuple[int, int]:
        """How many purchases and reviews are kept of a user."""
        said = self.get(f"/v1/users/{user}/export").json()
        return len(said["purchases"]), len(said["reviews"])


@pytest.fixture
def door(shop: Any, until: Callable[..., None]) -> Iterator[Door]:
    """Whatever a case did, the read models are afterwards what their topics give."""
    yield Door(shop, until)
    for command in (("verify", "ratings"), *(("rebuild", domain, "--check") for domain in rebuildable())):
        done = shop.shopctl(*command)
        assert done.returncode == 0, (command, done.stdout)


def test_an_erasure_holds_while_rebuilds_take_over(shop: Any, door: Door, until: Callable[..., None]) -> None:
    """What was answered before it goes, what is said after it stays, whichever generation was written then."""
    products = [door.product() for _ in range(4)]
    codes: list[int] = []

    def rebuild() -> None:
        codes.extend(shop.shopctl("rebuild", "catalog").returncode for _ in range(REBUILDS))

    thread = threading.Thread(target=rebuild)
    thread.start()
    users: list[str] = []
    while thread.is_alive() or len(users) < SOME:
        users.append(f"u{len(users)}-{door.tag}")
        for product in products:
            assert door.review(product, users[-1], wait=0).status == 202
        assert door.send("DELETE", f"/v1/users/{users[-1]}", wait=0).status == 202
        assert door.review(products[len(users) % 4], users[-1], wait=0).status == 202
    thread.join()
    assert codes == [0] * REBUILDS
    door.review(products[0], f"last-{door.tag}")
    until(lambda: all(door.kept(user) == (0, 1) for user in users), "each has the review said after the erasure", 60)


def test_a_letter_that_is_sent_again_meets_an_erasure(shop: Any, door: Door, until: Callable[..., None]) -> None:
    """Refused before it: forgotten. Refused after it: stored. Stored, and erased then: gone."""
    product = door.product()

    def refused(user: str) -> str:
        """A second review; the first is taken back then, so that the letter may be stored."""
        first = door.review(product, user).json()["id"]
        answer = door.review(product, user, rating=3)
        assert answer.status == 409, answer.data
        assert door.send("DELETE", f"/v1/products/{product}/reviews/{first}?userid={user}").status == 204
        return str(answer.json()["receipt"])

    def redrive(receipt: str) -> None:
        until(lambda: receipt in shop.shopctl("dlq", "list", "--json").stdout, "the letter is listed", 30)
        done = shop.shopctl("dlq", "redrive", receipt)
        assert (done.returncode, "stored" in done.stdout) == (0, True), done

    before, after, then = (f"{name}-{door.tag}" for name in ("before", "after", "then"))
    letters = {user: refused(user) for user in (before, then)}
    door.erase(before)
    door.erase(after)
    letters[after] = refused(after)
    for letter in letters.values():
        redrive(letter)
    assert {user: door.kept(user)[1] for user in letters} == {before: 0, after: 1, then: 1}
    door.erase(then)
    assert door.kept(then)[1] == 0


def test_a_key_is_used_for_good_whatever_was_erased(door: Door) -> None:
    """The same again is answered as it was and brings nothing back; another command under the key is refused."""
    user, other, product = f"u-{door.tag}", f"o-{door.tag}", door.product()
    reviewed, bought = door.review(product, user, "review"), door.buy(user, "buy")
    edit = f"/v1/products/{product}/reviews/{reviewed.json()['id']}"
    changed = {"userid": user, "displayName": "D", "rating": 4, "text": "changed"}
    assert (reviewed.status, bought.status, door.send("PUT", edit, changed, "edit").status) == (201, 201, 200)
    lines = [{"userid": user, "username": user, "price": "2"}, {"userid": other, "username": other, "price": "3"}]
    assert door.send("POST", "/v1/purchases:batch", lines, "lines").status == 202
    door.erase(user, "erase")
    again = [door.review(product, user, "review"), door.buy(user, "buy"), door.send("PUT", edit, changed, "edit")]
    assert [answer.status for answer in again] == [201, 201, 200]
    assert [door.get(answer.headers["Location"].partition("cm-server")[2]).status for answer in again[:2]] == [404] * 2
    assert door.send("POST", "/v1/purchases:batch", lines, "lines").status == 202
    assert door.buy(user).status == 201
    assert door.review(product, user).status == 201
    door.erase(user, "erase")
    assert (door.kept(user), door.kept(other)) == ((1, 1), (1, 0))
    taken = [door.review(product, user, "review", rating=2), door.buy(user, "buy", price="9")]
    assert [answer.status for answer in [*taken, door.send("DELETE", f"{edit}?userid={user}", key="edit")]] == [409] * 3


def test_a_reader_s_cursor_etag_and_cache_outlive_no_erasure(door: Door) -> None:
    user, other, product = f"u-{door.tag}", f"o-{door.tag}", door.product()
    for who, stars in ((user, 1), (other, 5)):
        assert door.review(product, who, rating=stars).status == 201
    for number in range(5):
        assert door.buy(user, price=str(number)).status == 201
    paths = [f"/v1/products/{product}", f"/v1/products/{product}/rating", f"/v1/products/{product}/reviews",
             f"/v1/users/{user}", f"/v1/users/{user}/purchases?limit=2", f"/v1/users/{user}/export"]  # fmt: skip
    seen = [door.get(path) for path in paths]
    assert [answer.status for answer in seen] == [200] * len(paths)
    tags = [answer.headers["ETag"] for answer in seen]
    assert [door.get(p, **{"If-None-Match": tag}).status for p, tag in zip(paths, tags, strict=True)] == [304] * 6
    door.erase(user)
    now = [door.get(path, **{"If-None-Match": tag}) for path, tag in zip(paths, tags, strict=True)]
    assert [answer.status for answer in now] == [200, 200, 200, 404, 200, 200]
    assert now[0].json()["averageRating"] == now[1].json()["averageRating"] == 5
    assert [each["userid"] for each in now[2].json()["reviews"]] == [other]
    rest = door.get(f"{paths[4]}&cursor={seen[4].json()['next']}")
    assert (rest.status, rest.json()) == (200, {"purchases": [], "next": None})
    assert door.kept(user) == (0, 0)
