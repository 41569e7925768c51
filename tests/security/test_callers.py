"""Who may call what, over HTTP: every route by nobody, by the wrong scope, by another user, by an admin."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from cm_server.api_docs.openapi import operations
from cm_server.domains.catalog import ReviewRequest
from cm_server.domains.purchases import BuyRequest
from cm_server.operations import Operation
from shop_core.events.analytics import InteractionRecorded

if TYPE_CHECKING:
    from tests.security.conftest import Door, Issuer

OWNER = f"owner-{uuid.uuid4().hex[:8]}"
BODIES: dict[Any, dict[str, Any]] = {
    BuyRequest: {"username": OWNER, "userid": OWNER, "price": "1"},
    ReviewRequest: {"userid": OWNER, "rating": 3, "displayName": "O"},
    InteractionRecorded: {"user": OWNER, "kind": "click", "timestamp": 1},
}
OPERATIONS = [pytest.param(each, id=f"{each.method.upper()} {each.path}") for each in operations()]
# No customer has them.
STAFF = ("admin", "catalog:write", "ops:read", "ops:write", "purchases:read:any")


def send(door: Door, operation: Operation, credentials: str | None) -> Any:
    """A request about OWNER, in its path, its query and its body."""
    path = re.sub(
        r"\{(\w+)\}", lambda found: OWNER if found.group(1) in ("userid", "username") else "none", operation.path
    )
    named = {p.name: OWNER for p in operation.parameters if p.where == "query" and p.name in ("userid", "user")}
    query = "?" + "&".join(f"{name}={value}" for name, value in named.items()) if named else ""
    body = json.dumps(BODIES.get(operation.body, {})).encode() if operation.body is not None else None
    headers = {"Content-Type": "application/json"} if body else {}
    return door.request(operation.method.upper(), path + query, credentials, body=body, headers=headers)


def lines_of(answer: Any) -> set[int]:
    """The statuses of a batch's lines, or of the answer itself."""
    found = answer.json() if answer.data[:1] == b"{" else {}
    return {line["status"] for line in found["results"]} if "results" in found else {answer.status}


@pytest.mark.security(21)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody(door: Door, operation: Operation) -> None:
    answer = send(door, operation, None)
    if operation.access.scope is None:
        assert answer.status == 200
        return
    assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert send(door, operation, "shop_nonsense").status == 401


@pytest.mark.security(21)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_wrong_scope(door: Door, issuer: Issuer, operation: Operation) -> None:
    """The owner themselves, without any scope: may read what is theirs, write nothing."""
    answer = send(door, operation, issuer.token(OWNER, scope="openid"))
    if operation.access.scope:
        assert answer.status == 403 and 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert answer.headers["Content-Type"] == "application/problem+json"
    else:
        assert answer.status not in (401, 403)


@pytest.mark.security(21)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_another_user(door: Door, issuer: Issuer, operation: Operation) -> None:
    """Whatever names OWNER is closed to another user with the scopes of a customer; the rest is the same for all."""
    by_name = operation.path.startswith(("/getAllUserBuys", "/get-all-user-buys"))
    about_owner = operation.access.owner_param or operation.body in BODIES or by_name
    for credentials in (issuer.token("other"), issuer.token("other", preferred_username="other"),
                        door.key("purchases:write", "other")):  # fmt: skip
        statuses = lines_of(send(door, operation, credentials))
        if about_owner or operation.access.scope in STAFF:
            assert statuses == {403}
        else:
            assert not statuses & {401, 403}


@pytest.mark.security(21)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_admin(door: Door, operation: Operation) -> None:
    assert not lines_of(send(door, operation, door.key("admin"))) & {401, 403}


@pytest.mark.security(21)
def test_a_user_buys_and_reads_as_themselves(door: Door, issuer: Issuer) -> None:
    user = f"u-{uuid.uuid4().hex[:8]}"
    mine, theirs = issuer.token(user, preferred_username=f"{user}-name"), issuer.token(OWNER)
    bought = buy(door, mine, f"{user}-name", user)
    assert bought.status == 201
    for path in (f"/v1/users/{user}", f"/v1/users/{user}/purchases", f"/getAllUserBuys/{user}-name"):
        assert door.request("GET", path, mine).status == 200
        assert door.request("GET", path, theirs).status == 403
        assert door.request("GET", path, door.key("purchases:read:any")).status == 200
        assert door.request("GET", path, door.key("purchases:write")).status == 403
    assert buy(door, mine, "somebody-else", user).status == 403, "a name that the token says is not theirs"


@pytest.mark.security(21)
def test_a_list_by_name_never_shows_what_another_bought_under_it(door: Door, issuer: Issuer) -> None:
    """Names are not unique: without a name in the token, it is the one last bought under; the list is cut to the id."""
    name, one, two = (f"n-{uuid.uuid4().hex[:8]}" for _ in range(3))
    for user in (one, two):
        assert buy(door, issuer.token(user), name, user).status == 201
    shown = door.request("GET", f"/getAllUserBuys/{name}", issuer.token(one)).json()["purchases"]
    assert {purchase["userid"] for purchase in shown} == {one}
    everything = door.request("GET", f"/getAllUserBuys/{name}", door.key("admin")).json()["purchases"]
    assert {purchase["userid"] for purchase in everything} == {one, two}


def buy(door: Door, credentials: str, username: str, userid: str, **headers: str) -> Any:
    body = json.dumps({"username": username, "userid": userid, "price": "5"}).encode()
    sent = {"Content-Type": "application/json", "Prefer": "wait=10"} | headers
    return door.request("POST", "/v1/purchases", credentials, body=body, headers=sent)


@pytest.mark.security(21)
def test_one_purchase_is_shown_to_its_buyer_alone(door: Door, issuer: Issuer) -> None:
    one, two = uuid.uuid4().hex, uuid.uuid4().hex
    path = f"/v1/purchases/{buy(door, issuer.token(one), one, one).json()['id']}"
    callers = issuer.token(one), issuer.token(two), door.key("purchases:write"), door.key("purchases:read:any")
    assert [door.request("GET", path, who).status for who in callers] == [200, 404, 403, 200]
    assert door.request("GET", path).status == 401


@pytest.mark.security(21)
def test_an_idempotency_key_is_its_callers_own(door: Door, issuer: Issuer) -> None:
    key, one, two = (uuid.uuid4().hex for _ in range(3))
    named = {"Idempotency-Key": key}
    first, again = (buy(door, issuer.token(one), one, one, **named).json() for _ in range(2))
    other = buy(door, issuer.token(two), two, two, **named)
    assert first["id"] == again["id"] and other.status == 201 and other.json()["id"] != first["id"]


def test_a_batch_says_by_line_whose_it_is(door: Door, issuer: Issuer) -> None:
    lines = [json.dumps({"username": "x", "userid": user, "price": "1"}) for user in ("mine", OWNER)]
    headers = {"Content-Type": "application/x-ndjson"}
    body = "\n".join(lines).encode()
    answer = door.request("POST", "/v1/purchases:batch", issuer.token("mine"), body=body, headers=headers).json()
    assert [(line["status"], line.get("field")) for line in answer["results"]] == [(202, None), (403, "userid")]


def test_either_header_and_only_bearer(door: Door) -> None:
    key = door.key("admin")
    path = "/v1/products"
    assert door.request("GET", path, headers={"X-API-Key": key}).status == 200
    assert door.request("GET", path, headers={"Authorization": f"bearer {key}"}).status == 200
    assert door.request("GET", path, headers={"Authorization": f"Basic {key}", "X-API-Key": key}).status == 401


def test_keys_and_issuer_rotate_while_it_runs(door: Door, issuer: Issuer, until: Callable[..., None]) -> None:
    before = issuer.token("ada-1")
    assert door.request("GET", "/v1/products", before).status == 200
    issuer.rotate()
    until(lambda: door.request("GET", "/v1/products", issuer.token("ada-1")).status == 200, "the new key works", 15)
    assert door.request("GET", "/v1/products", before).status == 200


def test_only_cm_server_may_ask_cm_api(door: Door, until: Callable[..., None]) -> None:
    def asks(token: str | None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return int(door.http.request("GET", f"{door.api_url}/v1/products", headers=headers, retries=False).status)

    old = door.token_file.read_text().strip()
    assert (asks(None), asks("x"), asks(old)) == (401, 401, 200)
    assert door.http.request("GET", f"{door.api_url}/healthz").status == 200
    door.token_file.write_text(f"a-new-token\n{old}\n")
    until(lambda: asks("a-new-token") == 200, "the new token is accepted")
    door.token_file.write_text("a-new-token\n")
    until(lambda: asks(old) == 401, "the old token is refused")
    until(lambda: door.request("GET", "/v1/products", door.key("admin")).status == 200, "cm-server sends the new one")


def test_the_description_says_what_is_asked(door: Door) -> None:
    document = door.request("GET", "/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    buy_ = document["paths"]["/buy"]["post"]
    assert buy_["security"] == [{"bearer": ["purchases:write"]}, {"apiKey": ["purchases:write"]}]
    assert {"401", "403"} <= set(buy_["responses"])
    assert document["paths"]["/healthz"]["get"]["security"] == []
