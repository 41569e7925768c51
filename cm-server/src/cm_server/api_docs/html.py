"""The docs page: plain HTML made once from the OpenAPI and AsyncAPI documents, styled by ui/docs.css."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup, escape


def page(openapi: dict[str, Any], asyncapi: dict[str, Any], prefix: str, version: str) -> str:
    """The whole page, without script; `version` is the folder of the pages' files."""
    sections = [
        operation(prefix, path, method, described)
        for path, methods in openapi["paths"].items()
        for method, described in methods.items()
    ]
    events = [event(name, message) for name, message in asyncapi["components"]["messages"].items()]
    schemas = [schema(name, body) for name, body in openapi["components"]["schemas"].items()]
    return Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>API reference · scalable-shop</title>'
        '<link rel="icon" href="{prefix}/ui/{version}/icon.svg">'
        '<link rel="stylesheet" href="{prefix}/ui/{version}/docs.css"></head>'
        "<body><main>"
        '<nav><a href="{prefix}/">scalable-shop</a></nav><h1>API reference</h1><p class="lead">{about}</p>'
        '<p>Machine-readable: <a href="{prefix}/openapi.json">openapi.json</a>, '
        '<a href="{prefix}/asyncapi.json">asyncapi.json</a>. Base address: <code>{prefix}</code></p>'
        "<h2>HTTP</h2>{sections}<h2>Events</h2>{events}<h2>Schemas</h2>{schemas}</main></body></html>\n"
    ).format(
        prefix=prefix,
        version=version,
        about=openapi["info"]["description"],
        sections=Markup("").join(sections),
        events=Markup("").join(events),
        schemas=Markup("").join(schemas),
    )


def operation(prefix: str, path: str, method: str, described: dict[str, Any]) -> Markup:
    """One operation: its parameters and answers, folded until they are asked for."""
    parameters = [(p["name"], f"{p['in']} · {p['description']}") for p in described["parameters"]]
    answers = [(status, f"{a['description']}{_shape(a)}") for status, a in described["responses"].items()]
    body = described.get("requestBody", {}).get("content", {})
    bodies = [(kind, _named(content["schema"])) for kind, content in body.items()]
    return Markup(
        '<details class="operation"><summary><b class="{method}">{name}</b> <code>{path}</code> <span>{summary}</span>'
        "</summary><p>{description}</p>{bodies}{parameters}{answers}</details>"
    ).format(
        method=method,
        name=method.upper(),
        path=path,
        summary=_marked(described["summary"]),
        description=_marked(described["description"]),
        bodies=table("Body", bodies),
        parameters=table("Parameters", parameters),
        answers=table("Answers", answers),
    )


def event(name: str, message: dict[str, Any]) -> Markup:
    return Markup(
        '<details><summary><code>{}</code> <span>{}</span></summary><pre tabindex="0">{}</pre></details>'
    ).format(name, message["summary"], json.dumps(message["payload"], indent=2, ensure_ascii=False))


def schema(name: str, body: dict[str, Any]) -> Markup:
    return Markup(
        '<details id="schema-{}"><summary><code>{}</code></summary><pre tabindex="0">{}</pre></details>'
    ).format(name, name, json.dumps(body, indent=2, ensure_ascii=False))


def table(caption: str, rows: list[tuple[str, str]]) -> Markup:
    """A two-column table, nothing where there are no rows."""
    if not rows:
        return Markup("")
    lines = Markup("").join(
        Markup('<tr><th scope="row"><code>{}</code></th><td>{}</td></tr>').format(name, _marked(text))
        for name, text in rows
    )
    return Markup("<table><caption>{}</caption><tbody>{}</tbody></table>").format(escape(caption), lines)


def _marked(text: str) -> Markup:
    """`text` with what stands between backticks shown as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def _shape(answer: dict[str, Any]) -> str:
    shapes = [_named(content["schema"]) for content in answer.get("content", {}).values()]
    return f" · {shapes[0]}" if shapes else ""


def _named(schema_: dict[str, Any]) -> str:
    """A schema by its name, or by its type."""
    if "$ref" in schema_:
        return str(schema_["$ref"]).rpartition("/")[2]
    if schema_.get("type") == "array":
        return f"array of {_named(schema_['items'])}"
    return str(schema_.get("description", schema_.get("type", "")))
