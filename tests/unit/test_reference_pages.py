"""The API's pages: examples that their own types take, lines of curl, and addresses that lead to what they name."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from cm_server.api_docs import curl, events_page, examples, html, http_page
from cm_server.api_docs.openapi import document, operations
from cm_server.operations import Operation
from shop_core.events import DOMAINS
from shop_core.events.asyncapi import document as asyncapi
from shop_core.events.reading import Checked, decode_json

SITE = html.Site("", "docs", "v")
OPENAPI = document()
DESCRIBED = {
    each["operationId"]: (path, method, each)
    for path, methods in OPENAPI["paths"].items()
    for method, each in methods.items()
}
WITH_BODY = [each for each in operations() if each.body is not None]


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.id)
def test_an_example_is_one_that_its_operation_takes(operation: Operation) -> None:
    assert issubclass(operation.body, Checked)
    for kind, content in DESCRIBED[operation.id][2]["requestBody"]["content"].items():
        example = content["example"]
        first = example[0] if isinstance(example, list) else example
        sent = first if isinstance(first, str) else json.dumps(first)
        assert kind.startswith("application/")
        decode_json(sent.encode(), operation.body).check()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"a": {"minimum": 3, "type": "integer"}}, "required": ["a"]}, {"a": 3}),
        ({"$ref": "#/components/schemas/Name"}, "Ada"),
        ({"anyOf": [{"enum": ["x", "y"]}, {"type": "null"}]}, "x"),
        ({"type": "array", "items": {"type": "string", "format": "date-time"}}, ["2026-11-27T09:30:00Z"]),
        ({"type": "boolean"}, False),
        ({"const": "1.0"}, "1.0"),
    ],
)  # fmt: skip
def test_a_schema_makes_a_value(schema: dict[str, Any], value: Any) -> None:
    assert examples.from_schema(schema, {"Name": {"type": "string", "examples": ["Ada"]}}) == value


def test_a_line_of_curl_says_all_of_a_first_call() -> None:
    assert curl.line(*DESCRIBED["listProducts"]) == 'curl -sS "$B/v1/products"'
    assert curl.line(*DESCRIBED["getProduct"]) == 'curl -sS "$B/v1/products/${ID}"'
    assert curl.line(*DESCRIBED["recordInteraction"]).endswith('?timestamp=2026-11-27T09:30:00Z&user=ada&click"')
    words = shlex.split(curl.line(*DESCRIBED["createReview"]))
    assert words[:4] == ["curl", "-sS", "-X", "POST"]
    assert json.loads(words[-1])["text"] == "It is warm."
    secured = document(secured=True)["paths"]["/v1/products"]["get"]
    assert '-H "Authorization: Bearer $KEY"' in curl.line("/v1/products", "get", secured)


@pytest.mark.parametrize(
    "page", [http_page.page(OPENAPI, SITE), events_page.page(asyncapi(), SITE)], ids=["http", "events"]
)
def test_each_address_on_a_page_leads_to_something_there(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_each_event_is_told_with_its_key_and_fields() -> None:
    page = events_page.page(asyncapi(), SITE)
    for domain in DOMAINS.values():
        assert f'id="{domain.topic}"' in page and f'id="{domain.dlq}"' in page
        assert f"The <code>{domain.keyed_by}</code>" in page
        assert all(f'id="{type_}"' in page for type_ in domain.events)
