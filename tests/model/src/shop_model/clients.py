"""Clients that do whatever comes to their minds, all at once, by few users on few products, so that they meet."""

from __future__ import annotations

import json
import random
import shlex
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

HOURS = 1_764_000_000_000
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Command:
    """One request; sent again it is the same."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def curl(self) -> str:
        words = ["curl", "-sS", "-X", self.method, f"$B{self.path}"]
        for name, value in (JSON | dict(self.headers)).items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join(words + (["-d", json.dumps(self.body)] if self.body is not None else [])).replace(
            "'$B", "$B'"
        )


@dataclass
class Town:
    """What all clients know of each other, and every answer that they got."""

    request: Callable[..., Any]
    users: list[str]
    products: list[str]
    reviews: list[tuple[str, str, str]] = field(default_factory=list)
    answers: list[tuple[Command, int, Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def send(self, command: Command) -> tuple[int, Any]:
        body = None if command.body is None else json.dumps(command.body).encode()
        answer = self.request(command.method, command.path, body=body, headers=JSON | dict(command.headers))
        said = json.loads(answer.data) if answer.data else {"receipt": answer.headers.get("X-Receipt")}
        with self.lock:
            self.answers.append((command, answer.status, said))
        return answer.status, said


class Client:
    """One of them, the same for the same seed as far as the others let it be."""

    def __init__(self, town: Town, seed: str) -> None:
        self.town = town
        self.random = random.Random(seed)
        self.sent: list[Command] = []
        self.keys: list[str] = []

    def live(self, steps: int) -> None:
        acts = {
            self.review: 30, self.buy: 20, self.erase: 10, self.change: 12, self.take_back: 6, self.click: 10,
            self.again: 10, self.edit: 4, self.discontinue: 0.3,
        }  # fmt: skip
        for _ in range(steps):
            [act] = self.random.choices(list(acts), list(acts.values()))
            if (command := act()) is not None:
                self.sent.append(command)
                status, said = self.town.send(command)
                if act == self.review and status in (201, 202):
                    product = command.path.split("/")[3]
                    self.town.reviews.append((product, said["id"], command.body["userid"]))

    def review(self) -> Command:
        product = self.random.choice(self.town.products)
        return Command("POST", f"/v1/products/{product}/reviews", self.opinion(self.user()), self.headers())

    def change(self) -> Command | None:
        if not self.town.reviews:
            return None
        product, id, author = self.random.choice(self.town.reviews[-20:])
        who = author if self.random.random() < 0.9 else self.user()
        return Command("PUT", f"/v1/products/{product}/reviews/{id}", self.opinion(who), self.headers())

    def take_back(self) -> Command | None:
        if not self.town.reviews:
            return None
        product, id, author = self.random.choice(self.town.reviews[-20:])
        return Command("DELETE", f"/v1/products/{product}/reviews/{id}?userid={author}", None, self.headers())

    def buy(self) -> Command:
        user = self.user()
        body = {"username": f"{user} Doe", "userid": user, "price": f"{self.random.randint(0, 9999) / 100:.2f}"}
        if self.random.random() < 0.5:
            body["productid"] = self.random.choice(self.town.products)
        if self.random.random() < 0.3:
            body["timestamp"] = f"2026-0{self.random.randint(1, 3)}-01T00:00:00.00{self.random.randint(0, 9)}Z"
        return Command("POST", "/v1/purchases", body, self.headers())

    def erase(self) -> Command:
        return Command("DELETE", f"/v1/users/{self.user()}", None, self.headers())

    def click(self) -> Command:
        at, kind = HOURS + self.random.randint(0, 3) * 1_800_000, self.random.choice(("click", "impression"))
        return Command("POST", f"/analytics?timestamp={at}&user={self.user()}&{kind}", None, self.headers())

    def edit(self) -> Command:
        product = self.random.choice(self.town.products)
        body = {"name": f"lamp {self.random.randint(0, 9)}"}
        return Command("PATCH", f"/v1/products/{product}", body, self.headers())

    def discontinue(self) -> Command:
        return Command("DELETE", f"/v1/products/{self.random.choice(self.town.products)}", None, self.headers())

    def again(self) -> Command | None:
        """A retry, also long after."""
        keyed = [each for each in self.sent if dict(each.headers).get("Idempotency-Key")]
        return self.random.choice(keyed) if keyed else None

    def user(self) -> str:
        return self.random.choice(self.town.users)

    def opinion(self, user: str) -> dict[str, Any]:
        stars = self.random.randint(1, 5)
        return {"userid": user, "displayName": "D", "rating": stars, "text": f"t{self.random.randint(0, 99)}"}

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Often a key, now and then one that was used before; often without waiting."""
        found = {}
        if self.random.random() < 0.5:
            if not self.keys or self.random.random() < 0.9:
                self.keys.append(str(uuid.UUID(int=self.random.getrandbits(128))))
            found["Idempotency-Key"] = self.random.choice(self.keys[-3:])
        if self.random.random() < 0.3:
            found["Prefer"] = "wait=5"
        return tuple(found.items())
