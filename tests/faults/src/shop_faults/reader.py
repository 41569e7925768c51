"""Reads what a platform shows: purchases out of the database, all else as its public answers tell it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import urllib3
from kafka import KafkaConsumer, TopicPartition

from shop_core.events import DOMAINS
from shop_faults.customers import HOUR, HOURS
from shopctl.proof.history import Kind
from shopctl.proof.shown import Counts, Rating, Shown, Thing, Total

CACHED_SECONDS = 1.2  # what is read may be behind what is stored for so long; nothing tells when it isn't


class Reader:
    """Of one platform (tests/conftest.py), on which nobody else has done anything."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform

    def drained(self) -> bool:
        """Whether the read models have all that is in the topics."""
        return all(self.platform.passed(self._ends(each.topic), each.topic) for each in DOMAINS.values())

    def shown(self) -> Shown:
        """Everything, once it is `drained`."""
        time.sleep(CACHED_SECONDS)
        shown = Shown(rejected={str(doc["_id"]) for doc in self.platform.db["rejections"].find({}, {"_id": 1})})
        shown.things += self._purchases()
        users = {thing.content["userid"] for thing in shown.things}
        for doc in self.platform.db["users"].find({}, {"_id": 1}):
            users.add(doc["_id"])
        shown.totals = {user: total for user in sorted(users) if (total := self._total(user)) is not None}
        for product in self._pages("/v1/products", "products"):
            shown.things.append(_product(product))
            shown.ratings[product["id"]] = _rating(product)
            reviews = self._pages(f"/v1/products/{product['id']}/reviews", "reviews")
            shown.things += [_review(review) for review in reviews]
        shown.things += [_dated(Kind.CAMPAIGN, each) for each in self._pages("/campaign-events/", "campaigns")]
        shown.things += [_dated(Kind.EVENT, each) for each in self._pages("/events/", "events")]
        shown.hours = self._hours()
        return shown

    def stored(self, receipt: str) -> bool:
        """Whether the platform says so of a command; it may be too ill to say anything."""
        try:
            status, said = self._ask(f"/v1/receipts/{receipt}")
        except urllib3.exceptions.HTTPError:
            return False
        return status == 200 and said["state"] == "stored"

    def _ends(self, topic: str) -> dict[int, int]:
        consumer = KafkaConsumer(bootstrap_servers=self.platform.bootstrap.split(","))
        try:
            places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            return {place.partition: end for place, end in consumer.end_offsets(places).items()}
        finally:
            consumer.close()

    def _ask(self, path: str) -> tuple[int, Any]:
        answer = self.platform.request("GET", path, headers={"Accept": "application/json"})
        return answer.status, json.loads(answer.data)

    def _pages(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            status, page = self._ask(f"{path}?{urlencode({'limit': '200'} | cursor)}")
            assert status == 200, (path, status, page)
            yield from page[name]
            cursor = None if page["next"] is None else {"cursor": page["next"]}

    def _purchases(self) -> list[Thing]:
        """From the database itself: the public lists are by user, so that they would not show those of a stranger."""
        return [
            Thing(Kind.PURCHASE, str(doc["_id"]), doc["username"], {
                "userid": doc["userid"], "price": str(doc["price"]), "productid": doc.get("productid", ""),
            })
            for doc in self.platform.db["purchases"].find({})
        ]  # fmt: skip

    def _total(self, user: str) -> Total | None:
        status, said = self._ask(f"/v1/users/{user}")
        return Total(said["count"], Decimal(said["totalSpent"])) if status == 200 else None

    def _hours(self) -> dict[int, Counts]:
        status, said = self._ask(f"/analytics/series?step=hour&from={HOURS[0]}&to={HOURS[-1] + HOUR}")
        assert status == 200, said
        return {
            _milliseconds(each["start"]): Counts(each["uniqueUsers"], each["clicks"], each["impressions"])
            for each in said["series"]
        }


def _product(said: dict[str, Any]) -> Thing:
    place = said["tags"][0] if said["tags"] else ""
    return Thing(Kind.PRODUCT, said["id"], place, {"name": said["name"], "price": said["price"]})


def _rating(said: dict[str, Any]) -> Rating:
    one, two, three, four, five = (said["histogram"][str(star)] for star in range(1, 6))
    return Rating((one, two, three, four, five), said["averageRating"])


def _review(said: dict[str, Any]) -> Thing:
    content = {"product": said["productid"], "userid": said["userid"], "rating": str(said["rating"])}
    return Thing(Kind.REVIEW, said["id"], said["displayName"], content | {"text": said["text"]})


def _dated(kind: Kind, said: dict[str, Any]) -> Thing:
    """A campaign or an event, whose name begins with its place."""
    dates = {name: datetime.fromisoformat(said[name]).isoformat() for name in ("startDate", "endDate")}
    inside = {"campaign": said["campaignEventId"]} if kind is Kind.EVENT else {}
    return Thing(kind, said["id"], said["name"].partition("/")[0], {"name": said["name"], **dates, **inside})


def _milliseconds(start: str) -> int:
    return int(datetime.fromisoformat(start).timestamp() * 1000)
