"""How a failing run of tests/model becomes a few curl lines: on faults that are planted here."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shop_model.clients import Client
from shop_model.log import partition_of
from shop_model.replay import again, smallest
from shop_model.shrink import about, curls, shrink
from shop_model.town import Command, Exchange, Town


@pytest.mark.parametrize("planted", [{7}, {0, 39}, {3, 4, 5}, {1, 12, 20, 38}])
def test_what_is_left_fails_and_nothing_of_it_can_be_left_out(planted: set[int]) -> None:
    tried: list[Sequence[int]] = []

    def fails(items: Sequence[int]) -> bool:
        tried.append(items)
        return planted <= set(items)

    assert shrink(range(40), fails) == sorted(planted)
    assert len(tried) < 80
    assert planted <= set(shrink(range(40), fails, tries=5)), "cut short, it fails still"


def made(id: str, path: str, body: Any = None) -> Exchange:
    return Exchange(Command("POST", path, body), 201, {"id": id})


def test_what_a_request_speaks_of_comes_with_it() -> None:
    product, other = made("p-1", "/v1/products", {"name": "it's"}), made("p-2", "/v1/products")
    review = made("r-1", "/v1/products/p-1/reviews", {"userid": "u-1"})
    change = Exchange(Command("PUT", "/v1/products/p-1/reviews/r-1", {"userid": "u-2"}), 200, {})
    erasure = Exchange(Command("DELETE", "/v1/users/u-1"), 202, {})
    everything = [product, other, review, change, erasure]
    assert about(everything, ["u-1"]) == [product, review, erasure]
    assert about(everything, ["u-2"]) == [product, review, change]
    assert about(everything, ["r-1"]) == [product, review, change]


def test_the_lines_send_the_same_about_what_they_make() -> None:
    product = made("p-1", "/v1/products", {"name": "it's $HOME"})
    keyed = Command("POST", "/v1/products/p-1/reviews", {"text": "of p-1"}, (("Idempotency-Key", "k"),))
    lines = curls([product, Exchange(keyed, 202, {"id": "r-1"}), Exchange(Command("DELETE", "/v1/users/u"), 202, {})])
    stub = 'curl() { printf "%s\\n" "$@" >> "$SENT"; echo "{\\"id\\":\\"new\\",\\"state\\":1}"; }'
    script = "\n".join(["set -eu", stub, 'B=http://shop; SENT=$(mktemp); trap "rm $SENT" EXIT', *lines, 'cat "$SENT"'])
    words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"http://shop/v1/products", json.dumps({"name": "it's $HOME"})} <= set(words)
    assert {"http://shop/v1/products/new/reviews", json.dumps({"text": "of new"}), "Idempotency-Key: k"} <= set(words)
    assert "http://shop/v1/users/u" in words


@dataclass
class Answer:
    status: int
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


class ForgetfulShop:
    """Accepts everything; what a user buys after a review that came after the user's erasure is lost."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []
        self.lost: set[str] = set()

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        assert headers["Content-Type"] == "application/json"
        user = path.rpartition("/")[2] if method == "DELETE" else json.loads(body or b"{}").get("userid", "")
        what = "buy" if path == "/v1/purchases" else "review" if "/reviews" in path else method
        done = [act for act, who in self.did if who == user]
        if what == "buy" and "DELETE" in done and "review" in done[done.index("DELETE") :]:
            self.lost.add(user)
        self.did.append((what, user))
        return Answer(202, json.dumps({"id": str(uuid.uuid4())}).encode())


def lines_of_a_failing_run(shop: Any, town: Town, check: Callable[[Town], list[str]]) -> list[str]:
    """What is told of a client's run that went on until it failed."""
    client = Client(town, "seed")
    while not (found := check(town)):
        client.live(20)
    lines = smallest(shop, town, found, check).splitlines()
    assert lines[0] == "The same by these alone:"
    return lines


def test_a_run_that_fails_becomes_the_few_lines_that_matter() -> None:
    shop = ForgetfulShop()

    def check(town: Town) -> list[str]:
        return [f"purchases of {user}: lost" for user in town.users if user in shop.lost]

    town = Town((shop.request,))
    town.open()
    lines = lines_of_a_failing_run(shop, town, check)
    assert len(lines) == 4, lines
    assert "DELETE" in lines[1] and "/reviews" in lines[2] and "/v1/purchases" in lines[3]


class SplitShop:
    """Goes wrong where one partition meets another."""

    def __init__(self) -> None:
        self.wrong = (-1, -1)
        self.products: set[str] = set()
        self.users: set[str] = set()

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        id = str(uuid.uuid4())
        if path == "/v1/products":
            self.products.add(id)
        elif "/reviews" in path and method == "POST":
            user, product = json.loads(body or b"")["userid"], path.split("/")[3]
            if product in self.products and (partition_of(user), partition_of(product)) == self.wrong:
                self.users.add(user)
        return Answer(202, json.dumps({"id": id, "receipt": f"shop.any-{partition_of(id)}-0"}).encode())


def test_what_goes_wrong_between_two_partitions_does_so_in_another_town() -> None:
    shop = SplitShop()

    def check(town: Town) -> list[str]:
        return [f"reviews of {user}" for user in town.users if user in shop.users]

    town = Town((shop.request,))
    town.open()
    shop.wrong = (partition_of(town.users[0]), partition_of(town.products[0]))
    lines = lines_of_a_failing_run(shop, town, check)
    assert len(lines) == 3, lines
    assert "/v1/products'" in lines[1] and "/reviews" in lines[2]


def test_what_is_left_out_is_not_spoken_of_as_the_old_one() -> None:
    shop = ForgetfulShop()
    town, fresh = Town((shop.request,)), Town((shop.request,))
    town.open()
    old = town.campaigns[0]
    body = {"name": "e", "campaignEventId": old}
    event = town.send(Command("POST", "/events/", body))
    event.said["id"] = f"{old}.{event.made}"
    change = town.send(Command("PATCH", f"/events/{event.made}", {"name": town.users[0]}))
    again(town, [change], fresh)
    assert not any(old in each.text or town.tag in each.text for each in fresh.exchanges)
    again(town, [*town.exchanges[-5:-1], change], fresh)
    assert fresh.exchanges[-1].command.path == f"/events/{fresh.exchanges[-2].made}"


def test_what_is_wrong_for_good_is_not_blamed_on_a_request() -> None:
    shop = ForgetfulShop()
    town = Town((shop.request,))
    town.open()
    said = smallest(shop, town, ["wrong"], lambda town: ["wrong"])
    assert "curl" not in said
