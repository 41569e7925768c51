"""The API's description is the code: every route is in it, its limits are the types', and the page shows it all."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from cm_server.api_docs.openapi import document
from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.query_proxy.ops_client import OpsClient
from cm_server.settings import ServerSettings
from cm_server.ui.frame import PAGES
from shop_core.events import DOMAINS
from shop_core.events.asyncapi import document as asyncapi
from shop_core.testing import MemoryPublisher

UNDESCRIBED = {
    "/",
    *(f"/{name}" for name in PAGES if name),
    "",
    "/ui/{name}",
    "/ui/{version}/{name}",
    "/problems",
    "/problems/{name}",
    "/openapi.json",
    "/asyncapi.json",
    "/docs",
    "/docs/events",
}


@pytest.fixture
def app() -> Flask:
    nowhere = "http://127.0.0.1:1"
    return build(Context(MemoryPublisher(), QueryClient(nowhere), ops=OpsClient(nowhere)), ServerSettings())


def test_every_route_is_described_and_every_description_is_a_route(app: Flask) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix(PREFIX)))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    routes = {(method, path) for method, path in routes if path not in UNDESCRIBED}
    described = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    assert routes == described


def test_every_operation_has_a_name_a_tag_and_words_of_its_own() -> None:
    described = document()
    tags = {tag["name"] for tag in described["tags"]}
    assert set(DOMAINS) < tags
    names = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            names.append(operation["operationId"])
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"]), where
            assert len(operation["tags"]) == 1 and set(operation["tags"]) <= tags, where
            assert re.fullmatch(r"[A-Z].*[^.]", operation["summary"]), where
            assert re.fullmatch(r"[A-Z0-9`].*\.", operation["description"]), where
            assert operation["summary"] not in operation["description"], where
            if method != "get" and "dead-letters" not in path:
                assert "Answered once Kafka has it" in operation["description"], where
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    assert {"buy", "listProducts", "getUserPurchases", "getAllUserBuys"} <= set(names)


def test_a_description_says_who_may_call() -> None:
    paths = document()["paths"]
    assert "Open to everybody" in paths["/healthz"]["get"]["description"]
    assert "scope `admin`" in paths["/metrics"]["get"]["description"]
    assert "`userid` must be the caller's own" in paths["/v1/users/{userid}/purchases"]["get"]["description"]


def test_every_query_says_that_it_may_be_unavailable(app: Flask) -> None:
    """cm-api is away in this app, so each query passed on to it answers 503."""
    for path, methods in document()["paths"].items():
        if "get" not in methods or "{" not in path:
            continue
        answer = app.test_client().get(PREFIX + re.sub(r"\{\w+\}", "shop.purchases-0-0", path))
        assert answer.status_code == 503, path
        assert {"503", "400"} <= set(methods["get"]["responses"]), path
        assert set(methods["get"]["responses"]["503"]["headers"]) <= set(answer.headers.keys()), path


def test_the_limits_are_the_types_own() -> None:
    schemas = document()["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    buy = schemas["BuyRequest"]
    assert (buy["properties"]["username"]["maxLength"], buy["additionalProperties"]) == (128, False)
    assert buy["required"] == ["username", "userid", "price"]
    assert "_id" in schemas["Purchase"]["properties"]


def test_the_topics_are_described() -> None:
    described = asyncapi()
    for domain in DOMAINS.values():
        assert {domain.topic, domain.dlq} <= set(described["channels"])
        assert set(domain.events) <= set(described["components"]["messages"])


def test_the_page_shows_every_operation_and_names_no_other_host(app: Flask) -> None:
    answer = app.test_client().get(f"{PREFIX}/docs")
    assert answer.status_code == 200
    for path in document()["paths"]:
        assert path in answer.text
    assert not re.findall(r"(?:src|href)=\"https?:", answer.text)
    assert re.findall(r"<script[^>]*>[^<]", answer.text) == [], "nothing is inline"


def test_the_description_can_be_switched_off() -> None:
    app = build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), ServerSettings(docs_active=False))
    assert app.test_client().get(f"{PREFIX}/openapi.json").status_code == 404
