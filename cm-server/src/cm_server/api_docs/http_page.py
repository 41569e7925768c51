"""The page of the HTTP API, made once from the OpenAPI document: groups, each operation with a line of curl, schemas.

Its script adds a search and *Send*; without script everything can still be read, linked and copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

from cm_server.api_docs import curl, html
from cm_server.api_docs.examples import Schema

TITLE = "HTTP API"
HOST = "http://localhost:8080"


def page(openapi: Mapping[str, Any], site: html.Site) -> str:
    """The whole page."""
    schemas = openapi["components"]["schemas"]
    groups = {tag["name"]: list(_operations(openapi, tag["name"])) for tag in openapi["tags"]}
    contents = [(tag, [(d["operationId"], d["summary"]) for _, _, d in every]) for tag, every in groups.items()]
    contents.append(
        ("Schemas", [(f"{html.SCHEMA}{name}", body.get("description", "")) for name, body in schemas.items()])
    )
    main = Markup("")
    for tag, every in groups.items():
        main += html.heading(tag) + Markup("").join(operation(*each) for each in every)
    main += html.heading("Schemas") + Markup("").join(schema(name, body) for name, body in schemas.items())
    return html.frame(site, TITLE, _lead(openapi, site.base), contents, main)


def _operations(openapi: Mapping[str, Any], tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method, described in methods.items():
            if tag in described["tags"]:
                yield path, method, described


def _lead(openapi: Mapping[str, Any], base: str) -> Markup:
    prefix = openapi["servers"][0]["url"]
    key = "KEY=shop_…  # an API key or a token\n" if "securitySchemes" in openapi["components"] else ""
    return Markup(
        '<p class="lead">{}</p><p>For programs: <a href="{base}openapi.json">openapi.json</a>. In the lines of curl '
        "<code>$B</code> is the base address; what else begins with <code>$</code> is yours to set.</p>{}"
    ).format(openapi["info"]["description"], html.code(f"B={HOST}{prefix}\n{key}"), base=base)


def operation(path: str, method: str, described: Mapping[str, Any]) -> Markup:
    """One operation: a line of curl, what it takes, and what it answers."""
    summary = Markup('<b class="{}">{}</b> <code>{}</code> <span>{}</span>').format(
        method, method.upper(), path, html.marked(described["summary"])
    )
    sent = described["parameters"]
    rows = [(each["name"], each["in"], "yes" if each["required"] else "no", _about(each)) for each in sent]
    body = described.get("requestBody", {}).get("content", {})
    answers = [(status, _shape(each), each["description"]) for status, each in described["responses"].items()]
    parts = (
        Markup("<p>{}</p>").format(html.marked(described["description"])),
        html.code(curl.line(path, method, described)),
        html.table("Body", [(kind, html.kind_of(each["schema"])) for kind, each in body.items()]),
        html.table("Parameters", rows, ("name", "in", "required", "about")),
        html.table("Answers", answers, ("status", "body", "about")),
    )
    return html.folded(described["operationId"], summary, Markup("").join(parts))


def schema(name: str, body: Schema) -> Markup:
    summary = Markup("<code>{}</code> <span>{}</span>").format(name, html.marked(body.get("description", "")))
    return html.folded(f"{html.SCHEMA}{name}", summary, html.properties("Fields", body))


def _about(parameter: Mapping[str, Any]) -> str:
    told = {name: value for name, value in parameter["schema"].items() if name != "description"}
    limits = html.about(told)
    choices = parameter["schema"].get("enum")
    return "; ".join(
        text for text in (parameter["description"], choices and f"`{'`, `'.join(choices)}`", limits) if text
    )


def _shape(answer: Mapping[str, Any]) -> Markup:
    """The schema of an answer's body, where it has one."""
    kinds = list(answer.get("content", {}).items())
    named = [html.kind_of(each["schema"]) if "$ref" in each["schema"] else escape(kind) for kind, each in kinds]
    return Markup(", ").join(named) if named else Markup("–")
