"""A page elsewhere, in the browser of somebody who reaches a shop that asks nobody: it can neither read nor write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from shop_security.wire import connected

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.security.conftest import Door

BODY = '{"username":"visited","userid":"visited","price":"1"}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REBOUND = (
    "rebind.example", "rebind.example:8080", "localhost.rebind.example", "127.0.0.1.nip.io", "a.b", "x.svc.example",
    "rebind.example.", "user@rebind.example", "[::1].rebind.example", "0x7f.1", "[broken",
)  # fmt: skip
OURS = (
    "localhost", "LocalHost:8080", "shop.localhost", "127.0.0.1:8080", "[::1]:8080", "192.168.1.20", "shop-cm-server",
    "shop-cm-server.shop.svc.cluster.local:8080", "localhost.",
)  # fmt: skip


@pytest.fixture(scope="module")
def named(platform: Platform, tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]) -> Iterator[Any]:
    """A door that asks nobody, and has a name that the world knows."""
    settings = {"AUTH_MODE": "none", "HTTP_ALLOWED_HOSTS": "shop.example, WWW.shop.example"}
    with make_door(tmp_path_factory.mktemp("named"), platform, **settings) as found:
        yield found


def status_of(port: int, method: str, path: str, host: str, **headers: str) -> int:
    body = BODY if method == "POST" else ""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with connected(port) as client:
        client.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n{lines}\r\n{body}")
        return client.answer(method).status


@pytest.mark.security(39)
@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_was_made_to_lead_here_opens_nothing(platform: Platform, host: str) -> None:
    for method, path in (
        ("GET", "/v1/users/visited/export"),
        ("DELETE", "/v1/users/visited"),
        ("GET", "/openapi.json"),
        ("GET", "/catalog"),
        ("POST", "/buy"),
    ):
        whole = f"/scalable-shop-cm-server{path}"
        assert status_of(platform.ports.cm_server, method, whole, host) in (400, 403), (method, path)
    inside = {platform.ports.cm_api: "/v1/users/visited", platform.ports.cm_ops: "/v1/ops/snapshot"}
    for port, own in inside.items():
        for path in (own, "/metrics", "/readyz"):
            assert status_of(port, "GET", path, host) in (400, 403), (port, path)


@pytest.mark.security(39)
@pytest.mark.parametrize("host", OURS)
def test_names_that_nobody_else_can_have_are_served(platform: Platform, host: str) -> None:
    assert status_of(platform.ports.cm_server, "POST", "/scalable-shop-cm-server/buy", host) == 200
    assert status_of(platform.ports.cm_api, "GET", "/v1/products", host) == 200


@pytest.mark.security(39)
def test_a_name_that_is_set_is_served_and_no_other(named: Any) -> None:
    port = urlsplit(named.base_url).port or 0
    hosts = ("shop.example", "www.shop.example:443", "other.example", "not-shop.example")
    assert [status_of(port, "POST", "/scalable-shop-cm-server/buy", host) for host in hosts] == [200, 200, 403, 403]
    page = {"Origin": "https://shop.example"}
    assert status_of(port, "POST", "/scalable-shop-cm-server/buy", "shop.example", **page) == 200


@pytest.mark.security(39)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (FORM, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "Same-Origin"}, 403),
        (FORM | {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "{own}"}, 200),
    ],
)
def test_a_page_elsewhere_writes_nothing(platform: Platform, headers: dict[str, str], status: int) -> None:
    place = urlsplit(platform.base_url)
    sent = {name: value.replace("{own}", f"http://{place.netloc}") for name, value in headers.items()}
    assert platform.request("POST", "/buy", body=BODY, headers=sent).status == status
    assert platform.request("POST", "/analytics?timestamp=1000000000000&user=visited&click", headers=sent).status in (
        204,
        403,
    )
    assert platform.request("GET", "/v1/products", headers=sent).status == 200, "a page can't read the answer"


@pytest.mark.security(39)
def test_where_callers_are_asked_a_key_is_enough(door: Door) -> None:
    """No browser sends a key by itself."""
    sent = {"Sec-Fetch-Site": "cross-site", "Host": "shop.example"}
    body = BODY.replace("visited", "asked")
    assert door.request("POST", "/buy", door.key("purchases:write"), headers=sent, body=body).status == 200
