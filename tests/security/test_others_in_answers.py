"""Every answer of every route to every kind of caller, searched for what tells who somebody else is."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cm_server.api_docs.openapi import operations
from cm_server.domains.catalog import ReviewRequest
from cm_server.domains.purchases import BuyRequest
from cm_server.operations import Operation

if TYPE_CHECKING:
    from tests.security.conftest import Door, Issuer

WAIT = {"Content-Type": "application/json", "Prefer": "wait=10"}
OPERATIONS = operations()


def named(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


QUERY = {"reviews": "50", "limit": "100", "timestamp": "1000000000000"}


@dataclass(frozen=True)
class Person:
    """A buyer and reviewer whose names occur nowhere else; `shown` is the only one that is for everybody."""

    userid: str
    username: str
    first: str
    last: str
    shown: str
    product: str = ""
    review: str = ""
    receipts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, str, str, str]:
        return self.userid, self.username, self.first, self.last


@pytest.fixture(scope="module")
def person(door: Door, issuer: Issuer) -> Iterator[Person]:
    """With a purchase, a review, and a second review that the consumer refused."""
    mark = uuid.uuid4().hex[:12]
    who = Person(f"userid{mark}", f"username{mark}", f"First{mark}", f"Last{mark}", f"Shown{mark}")
    own = issuer.token(who.userid, preferred_username=who.username)

    def send(path: str, credentials: str, body: dict[str, Any], *allowed: int) -> Any:
        answer = door.request("POST", path, credentials, body=json.dumps(body), headers=WAIT)
        assert answer.status in allowed, answer.data
        return answer.json()

    product = send("/v1/products", door.key("catalog:write"), {"name": "mirror", "price": "1"}, 201)["id"]
    bought = send("/v1/purchases", own, who_buys(who, product), 201)
    review = {"userid": who.userid, "rating": 4, "text": "seen", "firstName": who.first, "lastName": who.last}
    review |= {"displayName": who.shown}
    first = send(f"/v1/products/{product}/reviews", own, review, 201)
    second = send(f"/v1/products/{product}/reviews", own, review | {"rating": 1}, 409)
    receipts = (bought["receipt"], first["receipt"], second["receipt"])
    yield dataclasses.replace(who, product=product, review=first["id"], receipts=receipts)


@pytest.fixture(scope="module")
def callers(door: Door, issuer: Issuer) -> dict[str, str | None]:
    """Who may not read what others bought."""
    other = f"other{uuid.uuid4().hex[:12]}"
    return {
        "nobody": None,
        "made up": "shop_nonsense",
        "another user": issuer.token(other, preferred_username=other),
        "another user without scopes": issuer.token(other, scope="openid"),
        "a key without scopes": door.key(""),
        "a key of another user": door.key("purchases:write", other),
        "a service that sells": door.key("purchases:write"),
        "a service that keeps the catalog": door.key("catalog:write"),
    }


def who_buys(who: Person, product: str) -> dict[str, str]:
    return {"username": who.username, "userid": who.userid, "price": "1", "productid": product}


def targets(operation: Operation, person: Person) -> list[str]:
    """The operation's addresses about the person: all that somebody may guess or have been told."""
    ids = {"userid": person.userid, "username": person.username, "reviewId": person.review, "id": person.product}
    query = "&".join(
        f"{p.name}={QUERY[p.name]}" for p in operation.parameters if p.where == "query" and p.name in QUERY
    )
    paths = [_filled(operation.path, ids | {"receipt": receipt}) for receipt in person.receipts]
    return [path + (f"?{query}" if query else "") for path in dict.fromkeys(paths)]


def _filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], ids["receipt"]), path)


def body_of(operation: Operation, userid: str, product: str) -> bytes | None:
    """What another writes in their own name, about the person's product and review."""
    bodies = {
        BuyRequest: {"username": userid, "userid": userid, "price": "1", "productid": product},
        ReviewRequest: {"userid": userid, "rating": 1, "text": "mine", "displayName": "Mine"},
    }
    return None if operation.body is None else json.dumps(bodies.get(operation.body, {})).encode()


@pytest.mark.security(40)
@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.method != "delete"], ids=named)
def test_nobody_is_told_who_somebody_else_is(
    door: Door, person: Person, callers: dict[str, str | None], operation: Operation
) -> None:
    for caller, credentials in callers.items():
        for target in targets(operation, person):
            body = body_of(operation, f"writer{person.userid[-4:]}", person.product)
            answer = door.request(operation.method.upper(), target, credentials, body=body, headers=WAIT)
            told = answer.data.decode() + repr(dict(answer.headers))
            # What the caller said in the address is no news to them.
            news = [name for name in person.names if name not in target and name in told]
            assert not news, (caller, target, answer.status, told)


@pytest.mark.security(40)
def test_the_author_and_who_may_read_purchases_are_told(door: Door, issuer: Issuer, person: Person) -> None:
    path = f"/v1/products/{person.product}/reviews/{person.review}"

    def told(credentials: str) -> dict[str, Any]:
        return dict(door.request("GET", path, credentials).json())

    own, staff = told(issuer.token(person.userid)), told(door.key("purchases:read:any"))
    assert own == staff | {"mine": True} and own["userid"] == person.userid
    other = told(issuer.token("somebody-else"))
    assert other == {name: value for name, value in staff.items() if name not in ("userid", "firstName", "lastName")}
    assert other["displayName"] == person.shown


@pytest.mark.security(40)
@pytest.mark.parametrize(
    "shape", ["{id}?reviews=5", "{id}/reviews", "{id}/reviews?after={receipt}", "{id}/reviews/{review}"]
)
def test_no_way_to_ask_shows_more(door: Door, issuer: Issuer, person: Person, shape: str) -> None:
    """Packed, conditional or after a receipt: it is the same answer."""
    path = "/v1/products/" + shape.format(id=person.product, review=person.review, receipt=person.receipts[1])
    other = issuer.token("somebody-else")
    for headers in ({}, {"Accept-Encoding": "gzip"}, {"Accept": "application/json"}):
        answer = door.request("GET", path, other, headers=headers)
        assert answer.status == 200 and person.shown in answer.data.decode()
        assert not [name for name in person.names if name in answer.data.decode()]
    again = door.request("GET", path, other, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
