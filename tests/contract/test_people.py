"""What every domain owes to persons: who can erase can export, and the export is everything that is kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cm_api.domains.catalog.routes import EXPORT_REVIEWS
from cm_api.http.paging import encode_cursor

if TYPE_CHECKING:
    from tests.conftest import Platform, StartPlatform

# In which part of the export each collection is told. A collection that holds a user's id and is not here fails.
TOLD_IN = {
    "purchases": "purchases",
    "users": "profile",
    "reviews": "reviews",
    "analytics_visitors": "visits",
    "rejections": "refused",
}


class Person:
    """Somebody who did all that there is to do, in every domain."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.id = f"whole-{uuid.uuid4().hex[:10]}"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        named = {"Content-Type": "application/json", "Prefer": "wait=10"} | headers
        answer = self.platform.request(method, path, body=sent, headers=named)
        assert answer.status < 300, (path, answer.status, answer.data)
        return answer

    def live(self) -> None:
        me = self.id
        bought = {"username": me, "userid": me, "price": "1"}
        self.send("POST", "/buy", bought, **{"Idempotency-Key": me})
        self.send("POST", "/v1/purchases", bought | {"timestamp": "2026-01-02T03:04:05Z"})
        product = self.send("POST", "/v1/products", {"name": "p", "price": "1"}).json()["id"]
        review = {"userid": me, "rating": 5, "text": f"said by {me}", "displayName": me}
        self.send("POST", f"/v1/products/{product}/reviews", review)
        for kind in ("click", "impression"):
            self.send("POST", f"/analytics?timestamp=1767323045000&user={me}&{kind}", **{"Idempotency-Key": kind})

    def export(self) -> Any:
        return self.send("GET", f"/v1/users/{self.id}/export").json()

    def kept_in(self) -> set[str]:
        """The collections whose documents hold the id anywhere, whatever the generation of a read model."""
        db = self.platform.db
        names = [name for name in db.list_collection_names() if any(self.id in repr(d) for d in db[name].find({}))]
        return {name.partition("_g")[0] for name in names}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: StartPlatform) -> Iterator[Any]:
    """A platform of its own: what is refused here is in no partition, which others would count."""
    with start_platform(tmp_path_factory.mktemp("people")) as platform:
        yield platform


@pytest.fixture
def person(shop: Any) -> Person:
    person = Person(shop)
    person.live()
    return person


def refuse_one(person: Person) -> str:
    """A refused purchase whose letter has not been sent, as while the dead letters' topic is away."""
    receipt = f"shop.purchases-0-{10**15 + uuid.uuid4().int % 10**9}"
    value = json.dumps({"userid": person.id, "price": "no"}).encode()
    person.platform.db["rejections"].insert_one(
        {
            # Of no partition, so that no consumer sends it meanwhile.
            "_id": receipt, "topic": "shop.purchases", "offset": 0, "reason": "price: is none",
            "status": 422, "at": datetime.now(UTC), "dlq": "pending",
            "raw": {"key": b"other", "value": value, "headers": []},
        }
    )  # fmt: skip
    return receipt


def test_the_export_is_everything_that_is_kept_and_an_erasure_takes_all_of_it(
    person: Person, until: Callable[..., None]
) -> None:
    receipt = refuse_one(person)
    exported = person.export()
    kept = person.kept_in()
    assert kept == set(TOLD_IN), "a collection that holds a user's id and is told in no part of the export"
    assert all(exported[TOLD_IN[name]] for name in kept), exported
    assert len(exported["purchases"]) == 2
    assert [(each["step"], each["start"]) for each in exported["visits"]] == [
        ("day", "2026-01-02T00:00:00Z"), ("hour", "2026-01-02T03:00:00Z")
    ]  # fmt: skip
    assert all(each["until"] > datetime.now(UTC).isoformat() for each in exported["visits"])
    assert [each["receipt"] for each in exported["refused"]] == [receipt]

    person.send("DELETE", f"/v1/users/{person.id}")
    assert person.kept_in() == set()
    empty: dict[str, Any] = {"userid": person.id, "profile": None, "purchases": [], "reviews": [], "next": None}
    assert person.export() == empty
    left = person.platform.document("rejections", receipt)
    assert (left["dlq"], "raw" in left) == ("erased", False)


def test_others_are_told_nothing_of_it(person: Person) -> None:
    refuse_one(person)
    other = Person(person.platform)
    other.live()
    before = other.export()
    assert "refused" not in before
    person.send("DELETE", f"/v1/users/{person.id}")
    assert other.export() == before


def test_an_author_of_many_reviews_is_told_of_all_in_pages(person: Person) -> None:
    refuse_one(person)
    unwaited = {"Prefer": "respond-async"}
    for number in range(EXPORT_REVIEWS):
        made = person.send("POST", "/v1/products", {"name": f"p{number}", "price": "1"}, **unwaited).json()
        review = {"userid": person.id, "rating": 1 + number % 5, "displayName": "d"}
        last = person.send("POST", f"/v1/products/{made['id']}/reviews", review).json()
    pages = [person.send("GET", f"/v1/users/{person.id}/export?after={last['receipt']}").json()]
    while following := pages[-1]["next"]:
        pages.append(person.send("GET", f"/v1/users/{person.id}/export?cursor={following}").json())
    told = [review["id"] for page in pages for review in page["reviews"]]
    assert [len(page["reviews"]) for page in pages] == [EXPORT_REVIEWS, 1]
    assert len(set(told)) == len(told) == person.platform.db["reviews"].count_documents({"userid": person.id})
    assert not pages[1]["purchases"] and not pages[1]["profile"] and not {"visits", "refused"} & pages[1].keys()


@pytest.mark.parametrize("text", ['["purchases"]', '{"purchases": 1}', '{"nothing": "000000000000000000-a"}', "{}"])
def test_a_cursor_of_no_page_is_refused(shop: Any, text: str) -> None:
    answer = shop.request("GET", f"/v1/users/nobody/export?cursor={encode_cursor(text)}")
    assert answer.status == 400 and "`next` of an earlier page" in answer.json()["errors"][0]["detail"]
