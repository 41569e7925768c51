"""OpenAPI 3.1, made from the code's own types and each domain's table of operations; nothing is written twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib import import_module
from typing import Any

import msgspec

from cm_server.api_docs.descriptions import description
from cm_server.api_docs.examples import example_of
from cm_server.context import PREFIX
from cm_server.domains import dead_letters, ops, privacy, traces
from cm_server.operations import RECEIPTS, SERVICE, Operation
from shop_core.events import DOMAINS
from shop_core.http.problems import Problem

REF = "#/components/schemas/{name}"
HEADERS = {
    "X-Request-Id": "Names this request in the logs; a caller's own is kept",
    "Location": "The receipt of the command, or what it made",
    "X-Id": "What the command is about, percent-encoded",
    "X-Receipt": "The receipt of the command",
    "Preference-Applied": "What of Prefer was honoured: `wait=n`, a cut value as it was cut; absent where nothing was",
    "Accept-Encoding": "What the body may be packed by: identity alone",
    "Retry-After": "Seconds after which the same request may be sent again",
    "ETag": "Names this state; send it as If-None-Match to be answered 304 when nothing changed",
    "X-Data-As-Of": "All that was accepted before this moment is in the answer; missing while that can't be told",
    "Cache-Control": "How long the answer may be kept",
    "WWW-Authenticate": "Which credentials are wanted, and what was wrong with those sent",
    "RateLimit-Limit": "Requests of this kind that a caller may send in a window",
    "RateLimit-Remaining": "Requests left in this window",
    "RateLimit-Reset": "Seconds until there is room again",
}
OPTIONAL = ("Preference-Applied", "Accept-Encoding")
LIMIT_HEADERS = ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of the issuer, or an API key"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Made by `shopctl keys create`"},
}


def by_tag() -> dict[str, Sequence[Operation]]:
    """Every described route by what it belongs to, the domains first."""
    found = {name: import_module(f"cm_server.domains.{name}").OPERATIONS for name in DOMAINS}
    return found | {
        "privacy": privacy.OPERATIONS,
        "receipts": RECEIPTS,
        "operations": (*ops.OPERATIONS, *dead_letters.OPERATIONS, *traces.OPERATIONS),
        "service": SERVICE,
    }


def operations() -> list[Operation]:
    return [operation for described in by_tag().values() for operation in described]


def document(*, secured: bool = False, limited: bool = False) -> dict[str, Any]:
    """The OpenAPI document of cm-server; `secured` where callers are asked who they are, `limited` how often."""
    tagged = [(tag, operation) for tag, described in by_tag().items() for operation in described]
    types = {type_ for _, operation in tagged for type_ in _types(operation)} | {Problem}
    ordered = sorted(types, key=lambda type_: type_.__name__)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REF)
    by_type = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for tag, operation in tagged:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, by_type, components, tag)
        if secured:
            _secure(paths[operation.path][operation.method], operation, by_type)
        if limited and operation.access.scope is not None:
            paths[operation.path][operation.method]["responses"]["429"] = _problem(429, by_type, *LIMIT_HEADERS)
    schemes = {"securitySchemes": SECURITY_SCHEMES} if secured else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "scalable-shop",
            "version": "1",
            "description": "Commands are answered once Kafka has them; queries read what the consumers stored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "tags": [{"name": tag} for tag in by_tag()],
        "paths": paths,
        "components": {"schemas": components, **schemes},
    }


def _types(operation: Operation) -> Iterable[type[Any]]:
    for type_ in (*operation.answers.values(), operation.body):
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
            yield type_


def _operation(
    operation: Operation, by_type: dict[type[Any], Any], components: dict[str, Any], tag: str
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [tag],
        "summary": operation.summary,
        "description": description(operation),
        "parameters": [
            {
                "name": p.name,
                "in": p.where,
                "required": p.where == "path",
                "description": p.about,
                "schema": dict(p.schema),
                **({} if p.example is None else {"example": p.example}),
            }
            for p in operation.parameters
        ],
        "responses": _responses(operation, by_type),
    }
    if operation.body is not None:
        schema = by_type.get(operation.body, {"type": "string"})
        example = example_of(operation.body, schema, components)
        content = {kind: _body(kind, schema, example, operation) for kind in operation.body_types}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _body(kind: str, schema: Any, example: Any, operation: Operation) -> dict[str, Any]:
    """Several media types mean a batch: an array of the type, or its lines."""
    if len(operation.body_types) == 1:
        return {"schema": schema, "example": example}
    if kind == "application/json":
        return {"schema": {"type": "array", "items": schema, "minItems": 1, "maxItems": 1000}, "example": [example]}
    lines = {"type": "string", "description": "One JSON object a line"}
    return {"schema": lines, "example": json.dumps(example, ensure_ascii=False) + "\n"}


def _responses(operation: Operation, by_type: dict[type[Any], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    told = ("Preference-Applied",) if any(each.name == "Prefer" for each in operation.parameters) else ()
    for status, type_ in operation.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if type_ is str:
            answer["content"] = {"text/plain": {"schema": {"type": "string"}}}
        elif type_ is not None:
            answer["content"] = {"application/json": {"schema": by_type[type_]}}
        if status == 200:
            answer.setdefault("content", {}).update({kind: {"schema": {"type": "string"}} for kind in operation.also})
        answer["headers"] = _headers("X-Request-Id", *operation.headers.get(status, ()), *told)
        found[str(status)] = answer
    extra = {503: ("Retry-After",), 415: ("Accept-Encoding",), 409: told, 422: told}
    unpacked = (406,) if 304 in operation.answers else ()  # a read whose Accept-Encoding rules out every form
    for status in (*operation.problems, *unpacked):
        found[str(status)] = _problem(status, by_type, *extra.get(status, ()))
    return found


def _problem(status: int, by_type: dict[type[Any], Any], *headers: str) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": by_type[Problem]}},
        "headers": _headers("X-Request-Id", *headers),
    }


def _secure(described: dict[str, Any], operation: Operation, by_type: dict[type[Any], Any]) -> None:
    """Say which credentials an operation needs, and what it answers without them."""
    scope = operation.access.scope
    described["security"] = [] if scope is None else [{name: [scope] if scope else []} for name in SECURITY_SCHEMES]
    if scope is not None:
        described["responses"] |= {str(status): _problem(status, by_type, "WWW-Authenticate") for status in (401, 403)}


def _headers(*names: str) -> dict[str, Any]:
    return {
        name: {"description": HEADERS[name], "required": name not in OPTIONAL, "schema": {"type": "string"}}
        for name in names
    }
