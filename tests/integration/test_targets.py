"""The path that is authorised is the path that is fetched, and every name is read under its own address."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from shop_security.wire import connected

if TYPE_CHECKING:
    from tests.conftest import Platform

JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
NAMES = (
    ".", "..", "...", "%2E", ".%2e", "..;", "../a", "a/..", "/", "//", "a//b", "%2F", "%", "%%", "%zz", "?", "#",
    "?a=b#c", ";a=b", ":@&=+$,", "[::1]", "\\", "|^`{}\"<>'", "~!*()", " a ", "Grün", "e\u0301", "𝒳", "purchases",
    "export", "healthz",
)  # fmt: skip


def encoded(name: str) -> str:
    """Each byte percent-encoded, letters and dots as well: so no client takes it for something else."""
    return "".join(f"%{byte:02X}" for byte in name.encode())


def answer_at(platform: Platform, target: str | bytes) -> Any:
    """The answer to a GET of exactly this target."""
    with connected(platform.ports.cm_server) as client:
        raw = target.encode() if isinstance(target, str) else target
        client.send(b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return client.answer()


def below(platform: Platform) -> str:
    return str(platform.base_url.partition(str(platform.ports.cm_server))[2])


@pytest.mark.security(32)
@pytest.mark.parametrize("name", NAMES)
def test_whoever_may_buy_can_be_read_under_their_own_address(platform: Platform, name: str) -> None:
    body = json.dumps({"username": name, "userid": name, "price": "1"})
    bought = platform.request("POST", "/v1/purchases", body=body, headers=JSON)
    if bought.status == 422:  # a name that is refused is refused before anything is kept of it
        return
    assert bought.status == 201, bought.data
    id, prefix = bought.json()["id"], below(platform)
    for form in (encoded(name), encoded(name).lower()):
        for path in (f"/v1/users/{form}/purchases", f"/getAllUserBuys/{form}"):
            found = json.loads(answer_at(platform, prefix + path).body)
            assert [each["_id"] for each in found["purchases"]][:1] == [id], path
            assert found.get("userid", found.get("username")) == name
        assert json.loads(answer_at(platform, f"{prefix}/v1/users/{form}").body)["userid"] == name
        exported = json.loads(answer_at(platform, f"{prefix}/v1/users/{form}/export").body)
        assert (exported["userid"], exported["purchases"][0]["_id"]) == (name, id)
    erased = platform.request("DELETE", f"/v1/users/{encoded(name)}", headers=JSON)
    assert erased.status == 200, erased.data
    assert answer_at(platform, f"{prefix}/v1/users/{encoded(name)}").status == 404


@pytest.mark.security(32)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/products/%2E", "/v1/products/%2e%2e", "/v1/products/%2E%2E/rating", "/v1/products/x/reviews/%2E",
        "/campaign-events/%2e%2e/events", "/campaign-events/%2E", "/events/%2E", "/v1/products/a%2F../rating",
        "/v1/products/..%2Fusers%2Fa", "/v1/users/%2E%2E%2Fproducts", "/v1/receipts/%2E%2E",
    ],
)  # fmt: skip
def test_dots_in_an_address_lead_nowhere_else(platform: Platform, path: str) -> None:
    """Nothing has such an id, so nothing is found; least of all the list one step up."""
    assert answer_at(platform, below(platform) + path).status in (400, 404)


@pytest.mark.security(32)
@pytest.mark.parametrize("name", ["ada", "a%2Fb", "a/b".replace("/", "%2f"), "%2E", "gr%C3%BCn"])
def test_all_forms_of_a_target_are_one(platform: Platform, name: str) -> None:
    path = f"{below(platform)}/getAllUserBuys/{name}?limit=3"
    usual = answer_at(platform, path)
    assert usual.status == 200
    for form in (f"http://127.0.0.1:8080{path}", f"HTTPS://shop.example{path}", f"/{path}", f"http://h/{path}"):
        assert (answer_at(platform, form).status, answer_at(platform, form).body) == (200, usual.body), form


def test_bytes_beyond_ascii_mean_the_same_raw_and_encoded(platform: Platform) -> None:
    name = f"Grüntee {uuid.uuid4().hex[:8]}"
    body = json.dumps({"name": name, "price": "2"})
    assert platform.request("POST", "/v1/products", body=body, headers=JSON).status == 201
    start, rest = name.split(" ")
    for prefix in (f"{start}%20{rest}".encode(), f"{start}+{rest}".encode(), encoded(name).encode()):
        found = json.loads(answer_at(platform, f"{below(platform)}/v1/products?prefix=".encode() + prefix).body)
        assert [product["name"] for product in found["products"]] == [name], prefix
    user = f"ü-{uuid.uuid4().hex[:8]}"
    body = json.dumps({"username": user, "userid": user, "price": "2"})
    assert platform.request("POST", "/buy", body=body, headers=JSON).status == 200
    assert json.loads(answer_at(platform, f"{below(platform)}/v1/users/{user}".encode()).body)["userid"] == user


@pytest.mark.security(32)
@pytest.mark.parametrize(
    "path",
    [
        b"/getAllUserBuys/%FF", b"/getAllUserBuys/a\xff", b"/v1/products?prefix=%FF", b"/v1/products?prefix=\xff",
        b"/v1/products?prefix=%C3&sort=%BC", b"/v1/users/%C0%AF", b"/v1/users/%ED%A0%80", b"/v1/users/a%1Fb",
        b"/v1/users/a#b", b"/v1/products?prefix=a#b", b"/events/%80", b"/v1/products?%FF=1",
    ],
)  # fmt: skip
def test_what_is_no_utf_8_is_refused(platform: Platform, path: bytes) -> None:
    answer = answer_at(platform, below(platform).encode() + path)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert json.loads(answer.body)["requestId"] == answer.headers["X-Request-Id"]
