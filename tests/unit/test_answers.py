"""What clients are told where no route has their request, and how every JSON answer ends."""

from __future__ import annotations

import gzip
import json

import pytest
from flask import Flask, Response

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.errors import Unavailable
from shop_core.http.app import conditional, make_app
from shop_core.testing import MemoryPublisher


@pytest.fixture
def app() -> Flask:
    return build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), ServerSettings())


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("GET /products", "GET {P}/v1/products"),
        ("GET {P}/products", "GET {P}/v1/products"),
        ("GET /v2/products/3", "GET {P}/v1/products/{id}"),
        ("POST /buy", "POST {P}/buy"),
        ("GET /buy", "POST {P}/buy"),
        ("POST /analytics", "POST {P}/analytics"),
        ("GET /analytics", "GET {P}/analytics"),
        ("GET {P}/v1/product", "GET {P}/v1/products"),
        ("POST {P}/v1/product", "POST {P}/v1/products"),
        ("GET {P}/getalluserbuys/ada", "GET {P}/getAllUserBuys/{username}"),
        ("GET {P}/get-all-user-buy/ada", "GET {P}/get-all-user-buys/{username}"),
        ("GET {P}/campaigns-events/live", "GET {P}/campaign-events/live"),
        ("GET {P}/v1/user/ada/purchases", "GET {P}/v1/users/{userid}/purchases"),
        ("DELETE {P}/event/c.e", "DELETE {P}/events/{id}"),
        ("GET /nothing", None),
        ("GET /favicon.ico", None),
        ("GET /" + "a/" * 50, None),
        ("GET /" + "x" * 3000, None),
    ],
)
def test_a_wrong_address_is_told_the_route_that_was_meant(app: Flask, asked: str, meant: str | None) -> None:
    method, path = asked.replace("{P}", PREFIX).split()
    answer = app.test_client().open(path, method=method)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    told = "There is nothing at this address."
    assert answer.get_json()["detail"] == told + (f" The nearest is {meant.replace('{P}', PREFIX)}." if meant else "")


def test_a_method_that_is_not_possible_is_told_those_that_are(app: Flask) -> None:
    answer = app.test_client().post(f"{PREFIX}/campaign-events/1")
    assert answer.status_code == 405 and "PATCH" in answer.headers["Allow"]
    assert answer.get_json()["detail"] == "POST is not possible at this address, only DELETE, GET, PATCH, PUT."


@pytest.mark.parametrize(
    ("path", "limit"), [("/buy", 16_384), ("/v1/products", 1_048_576), ("/v1/purchases:batch", 1_048_576)]
)
def test_a_body_that_is_too_large_is_told_the_limit(app: Flask, path: str, limit: int) -> None:
    answer = app.test_client().post(PREFIX + path, data=b"x" * (limit + 1), content_type="application/json")
    assert answer.status_code == 413
    assert answer.get_json()["detail"] == f"The body may have at most {limit:,} bytes here."


def test_the_wrong_service_names_the_right_one() -> None:
    api = make_app("api", {}, elsewhere="Commands go to cm-server.")
    api.add_url_rule("/analytics", "analytics", lambda: "counts")
    for method, path, status in (("POST", "/analytics", 405), ("GET", "/nowhere", 404)):
        answer = api.test_client().open(path, method=method)
        assert answer.status_code == status and answer.get_json()["detail"].endswith("Commands go to cm-server.")


def test_the_root_leads_to_the_pages(app: Flask) -> None:
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{PREFIX}/")


def test_every_json_answer_ends_with_a_line_feed(app: Flask) -> None:
    client = app.test_client()
    purchase = {"username": "a", "userid": "a", "price": "1"}
    read = ("/openapi.json", "/asyncapi.json", "/readyz", "/nowhere", "/v1/products")
    answers = [
        client.post(f"{PREFIX}/buy", json=purchase),
        client.post(f"{PREFIX}/buy", json={}),
        client.post(f"{PREFIX}/v1/purchases:batch", json=[purchase]),
        *(client.get(PREFIX + path) for path in read),
    ]
    for answer in answers:
        assert answer.data.endswith(b"}\n") and json.loads(answer.data), answer.request.path


def test_an_etag_is_that_of_the_bytes() -> None:
    app = make_app("api", {})

    @app.get("/thing")
    def thing() -> Response:
        return conditional({"a": 1})

    first = app.test_client().get("/thing")
    assert first.data == b'{"a":1}\n'
    again = app.test_client().get("/thing", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_readiness_tells_outsiders_no_address(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        try:
            raise ConnectionError("10.1.2.3:27017")
        except ConnectionError as error:
            raise Unavailable("MongoDB at 10.1.2.3:27017 does not answer") from error

    def refused() -> None:
        raise Unavailable("no connection to Kafka at broker-0.internal:9092")

    answer = make_app("door", {"mongodb": check, "kafka": refused}).test_client().get("/readyz")
    assert answer.status_code == 503
    said = {name: each["detail"] for name, each in answer.get_json()["dependencies"].items()}
    assert said == {"mongodb": "does not answer (ConnectionError)", "kafka": "does not answer"}
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "10.1.2.3:27017" in logged and "broker-0.internal:9092" in logged


def test_metrics_are_packed_for_who_takes_gzip(app: Flask) -> None:
    client = app.test_client()
    plain = client.get(f"{PREFIX}/metrics")
    packed = client.get(f"{PREFIX}/metrics", headers={"Accept-Encoding": "gzip;q=1.0, identity;q=0.5"})
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert b"# HELP shop_" in gzip.decompress(packed.data)
    assert len(packed.data) < len(plain.data) / 3
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
