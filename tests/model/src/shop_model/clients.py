"""Clients that do whatever comes to their minds, all at once, by few users on few products, so that they meet."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from shop_model.town import USERS, WAIT, Command, Town

Commands = list[Command]
Headers = tuple[tuple[str, str], ...]
ZONE = timezone(timedelta(hours=5, minutes=45))
# How far from the opening something is said to have happened: long ago, just then, or ahead; the last one is refused.
SAID = (timedelta(days=-700_000), timedelta(days=-80), timedelta(seconds=-1), timedelta(hours=20), timedelta(hours=26))


class Client:
    """One of them, the same for the same seed as far as the others let it be."""

    def __init__(self, town: Town, seed: str, door: int = 0) -> None:
        self.town = town
        self.seed = seed
        self.door = door
        self.random = random.Random(seed)
        self.sent: list[Command] = []
        self.keys: list[str] = []
        self.met = 0

    def live(self, steps: int) -> None:
        acts = {
            self.review: 30, self.buy: 20, self.erase: 10, self.change: 12, self.take_back: 6, self.click: 10,
            self.leave: 10, self.come_back: 10, self.export: 4,
            self.again: 10, self.edit: 4, self.discontinue: 0.3, self.plan_event: 12, self.change_event: 6,
            self.call_event_off: 3, self.plan: 2, self.change_campaign: 5, self.call_off: 1,
        }  # fmt: skip
        for _ in range(steps):
            [act] = self.random.choices(list(acts), list(acts.values()))
            for command in act():
                command = replace(command, door=self.door)
                self.sent.append(command)
                self.town.send(command)

    def review(self) -> Commands:
        return [self.review_of(self.product(), self.user(), self.headers())]

    def leave(self) -> Commands:
        """Says something and is erased at once: the two meet, in different partitions."""
        user = self.anybody()
        return [self.review_of(self.product(), user), Command("DELETE", f"/v1/users/{user}")]

    def come_back(self) -> Commands:
        """Says something, is erased, and says it again, to be told whether that was stored."""
        user, product = self.anybody(), self.product()
        before = [self.review_of(product, user)] if self.random.random() < 0.3 else []
        return [*before, Command("DELETE", f"/v1/users/{user}"), self.review_of(product, user, WAIT)]

    def change(self) -> Commands:
        if not self.town.reviews:
            return []
        product, id, author = self.random.choice(self.town.reviews[-20:])
        who = author if self.random.random() < 0.9 else self.user()
        return [Command("PUT", f"/v1/products/{product}/reviews/{id}", self.opinion(who), self.headers())]

    def take_back(self) -> Commands:
        if not self.town.reviews:
            return []
        product, id, author = self.random.choice(self.town.reviews[-20:])
        return [Command("DELETE", f"/v1/products/{product}/reviews/{id}?userid={author}", None, self.headers())]

    def buy(self) -> Commands:
        user = self.user()
        body = {"username": self.random.choice((user, f"{user} Doe")), "userid": user, **self.at()}
        body["price"] = f"{self.random.randint(0, 9999) / 100:.2f}"
        if self.random.random() < 0.5:
            body["productid"] = self.product()
        return [Command("POST", "/v1/purchases", body, self.headers())]

    def erase(self) -> Commands:
        return [Command("DELETE", f"/v1/users/{self.user()}", None, self.headers())]

    def export(self) -> Commands:
        return [Command("GET", f"/v1/users/{self.user()}/export")]

    def click(self) -> Commands:
        """In the few hours of an old day that nobody else has, at the opening, or ahead."""
        old = datetime(2001, 1, 1, tzinfo=self.town.opened.tzinfo) + timedelta(days=int(self.town.tag[:4], 16) % 9000)
        hours = [old + timedelta(minutes=30 * number) for number in range(4)]
        at = self.random.choice((*hours, self.town.opened, self.town.opened + timedelta(hours=20)))
        kind = self.random.choice(("click", "impression"))
        path = f"/analytics?timestamp={int(at.timestamp() * 1000)}&user={self.user()}&{kind}"
        return [Command("POST", path, None, self.headers())]

    def edit(self) -> Commands:
        body = {"name": f"lamp {self.random.randint(0, 9)}"}
        return [Command("PATCH", f"/v1/products/{self.product()}", body, self.headers())]

    def discontinue(self) -> Commands:
        return [Command("DELETE", f"/v1/products/{self.product()}", None, self.headers())]

    def plan(self) -> Commands:
        body = {"name": self.name(), "startDate": self.date(-60, 0), "endDate": self.date(1, 90)}
        return [Command("POST", "/campaign-events/", body, self.headers())]

    def change_campaign(self) -> Commands:
        return [Command("PATCH", f"/campaign-events/{self.campaign()}", self.other_look(), self.headers())]

    def call_off(self) -> Commands:
        return [Command("DELETE", f"/campaign-events/{self.campaign()}", None, self.headers())]

    def plan_event(self) -> Commands:
        dates = {"startDate": self.date(-50, 5), "endDate": self.date(6, 15)}
        body = {"name": self.name(), "campaignEventId": self.campaign(), **dates}
        return [Command("POST", "/events/", body, self.headers())]

    def change_event(self) -> Commands:
        return [Command("PATCH", f"/events/{self.event()}", self.other_look(), self.headers())] if self.event() else []

    def call_event_off(self) -> Commands:
        return [Command("DELETE", f"/events/{self.event()}", None, self.headers())] if self.event() else []

    def again(self) -> Commands:
        """A retry, also long after."""
        keyed = [each for each in self.sent if dict(each.headers).get("Idempotency-Key")]
        return [self.random.choice(keyed)] if keyed else []

    def review_of(self, product: str, user: str, headers: Headers = ()) -> Command:
        return Command("POST", f"/v1/products/{product}/reviews", self.opinion(user), headers)

    def user(self) -> str:
        return self.random.choice(self.town.users[:USERS])

    def anybody(self) -> str:
        """Now and then somebody of whom nobody speaks later, so that no later erasure hides what went wrong."""
        if self.random.random() < 0.5:
            return self.user()
        self.met += 1
        stranger = f"s{self.seed}.{self.met}-{self.town.tag}"
        self.town.users.append(stranger)
        return stranger

    def product(self) -> str:
        return self.random.choice(self.town.products)

    def campaign(self) -> str:
        return self.random.choice(self.town.campaigns)

    def event(self) -> str:
        return self.random.choice(self.town.events[-12:]) if self.town.events else ""

    def name(self) -> str:
        return f"sale {self.random.randint(0, 5)}"

    def other_look(self) -> dict[str, str]:
        looks = (("name", self.name()), ("startDate", self.date(-60, 20)), ("endDate", self.date(0, 90)))
        return dict(self.random.sample(looks, self.random.randint(1, 2)))

    def date(self, first: int, last: int) -> str:
        """So many seconds from the opening, in any of the forms that a date may have."""
        at = self.town.opened + timedelta(milliseconds=self.random.randint(first * 1000, last * 1000))
        forms = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%Sz")
        return self.random.choice((*(at.strftime(form) for form in forms), at.astimezone(ZONE).isoformat()))

    def at(self) -> dict[str, str]:
        """Now and then the moment at which it happened, to which many agree."""
        if self.random.random() < 0.6:
            return {}
        said = self.town.opened + self.random.choice(SAID) + timedelta(milliseconds=self.random.randint(0, 9))
        return {"timestamp": said.isoformat(timespec="milliseconds")}

    def opinion(self, user: str) -> dict[str, Any]:
        said = {"rating": self.random.randint(1, 5), "text": f"t{self.random.randint(0, 99)}"}
        return {"userid": user, "displayName": "D", **said, **self.at()}

    def headers(self) -> Headers:
        """Often a key, now and then one that was used before; often without waiting."""
        found = {}
        if self.random.random() < 0.5:
            if not self.keys or self.random.random() < 0.9:
                self.keys.append(f"{uuid.UUID(int=self.random.getrandbits(128))}-{self.town.tag}")
            found["Idempotency-Key"] = self.random.choice(self.keys[-3:])
        if self.random.random() < 0.3:
            found["Prefer"] = "wait=5"
        return tuple(found.items())
