"""Where clients meet: its users, what they know of each other, and every request with its answer in the order of
sending.

All its names hold its tag, so that what was done in one can be done again in another (`replay`).
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

JSON = {"Content-Type": "application/json"}
USERS, PRODUCTS, CAMPAIGNS = 5, 8, 3
WAIT = (("Prefer", "wait=10"),)
FOUNDED = (
    "/v1/products",
    "/campaign-events/",
)  # what is made there has a partition of its own, by the name it is given


@dataclass(frozen=True)
class Command:
    """One request to one of the doors; sent again it is the same."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    door: int = 0

    @property
    def text(self) -> str:
        """All of it, in which names can be looked for."""
        return json.dumps([self.method, self.path, self.body, self.headers], ensure_ascii=False)

    def renamed(self, names: dict[str, str]) -> Command:
        """The same about others: by old and new name, the longest first, since an event's holds its campaign's."""
        text = self.text
        for old in sorted(names, key=len, reverse=True):
            text = text.replace(old, names[old])
        method, path, body, headers = json.loads(text)
        return replace(self, method=method, path=path, body=body, headers=tuple(map(tuple, headers)))


@dataclass
class Exchange:
    """A command and its answer; without one (status 0) while it is on its way."""

    command: Command
    status: int = 0
    said: Any = None

    @property
    def text(self) -> str:
        return self.command.text

    @property
    def made(self) -> str:
        """The id of what it made, or would have."""
        return str((self.said or {}).get("id", "")) if self.command.method == "POST" else ""

    @property
    def partition(self) -> str | None:
        """Where its record is, by its receipt."""
        receipt = (self.said or {}).get("receipt")
        return str(receipt).split("-")[-2] if receipt else None


@dataclass
class Town:
    """`doors` are the ways to send a request to the shop."""

    doors: tuple[Callable[..., Any], ...]
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    opened: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    products: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    reviews: list[tuple[str, str, str]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.users = [f"u{number}-{self.tag}" for number in range(USERS)]

    def open(self) -> None:
        """Something to sell, and campaigns that begin and end about now."""
        for number in range(PRODUCTS):
            self.send(Command("POST", "/v1/products", {"name": f"p{number}", "price": "5"}, WAIT))
        for number in range(CAMPAIGNS):
            start, end = (self.opened + timedelta(seconds=each) for each in (number - 60, 10 + 10 * number))
            dates = {"startDate": start.isoformat(), "endDate": end.isoformat()}
            self.send(Command("POST", "/campaign-events/", {"name": f"c{number}", **dates}, WAIT))

    def send(self, command: Command) -> Exchange:
        exchange = Exchange(command)
        with self.lock:
            self.exchanges.append(exchange)
        body = None if command.body is None else json.dumps(command.body).encode()
        answer = self.doors[command.door](command.method, command.path, body=body, headers=JSON | dict(command.headers))
        said = json.loads(answer.data) if answer.data else {"receipt": answer.headers.get("X-Receipt")}
        with self.lock:
            exchange.status, exchange.said = answer.status, said
            if answer.status in (201, 202):
                self._note(exchange)
        return exchange

    def _note(self, exchange: Exchange) -> None:
        """What everybody may speak of from now on."""
        path, id = exchange.command.path, exchange.made
        lists = {"/v1/products": self.products, "/campaign-events/": self.campaigns, "/events/": self.events}
        if id and path in lists and id not in lists[path]:
            lists[path].append(id)
        elif id and (review := re.fullmatch("/v1/products/([^/]+)/reviews", path)):
            self.reviews.append((review[1], id, exchange.command.body["userid"]))
