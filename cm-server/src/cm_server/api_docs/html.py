"""What the pages of the API's description are made of: the frame, sections of a contents list, tables of properties."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from cm_server.api_docs.examples import Schema, name_of

Row = tuple[str | Markup, ...]
Contents = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""(heading, (name, summary) of each thing below it); a thing's name is its anchor too."""
SCHEMA = "schema-"
LIMITS = {
    "minLength": "at least {} characters", "maxLength": "at most {} characters", "minimum": "from {}",
    "maximum": "to {}", "minItems": "at least {} items", "maxItems": "at most {} items",
    "multipleOf": "in steps of {}", "format": "{}", "default": "by default {}",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """Where a page is: `base` is the way from it to the base address, `docs` the first page's path from there, and
    `version` the folder of the pages' files."""

    base: str
    docs: str
    version: str


def frame(site: Site, title: str, lead: Markup, contents: Contents, main: Markup) -> str:
    """A whole page, which works without its script."""
    files = f"{site.base}ui/{site.version}/"
    return Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>{title} · scalable-shop</title>'
        '<link rel="icon" href="{files}icon.svg"><link rel="stylesheet" href="{files}app.css">'
        '<link rel="stylesheet" href="{files}docs.css">'
        '<script type="module" src="{files}docs.js"></script></head><body class="docs">'
        '<a class="skip" href="#reference">To the reference</a>'
        '<header class="top"><nav aria-label="Pages"><a href="{home}">scalable-shop</a> {pages}</nav></header>'
        '<div class="columns"><nav class="contents" aria-label="Contents">{contents}</nav>'
        '<main id="reference"><h1>{title}</h1>{lead}{main}</main></div></body></html>\n'
    ).format(
        title=title, files=files, home=site.base or "./", pages=_pages(site, title), contents=_contents(contents),
        lead=lead, main=main,
    )  # fmt: skip


def _pages(site: Site, here: str) -> Markup:
    links = Markup("")
    for name, path in (("HTTP API", site.docs), ("Events", f"{site.docs}/events")):
        current = Markup(' aria-current="page"') if name == here else ""
        links += Markup('<a href="{}{}"{}>{}</a> ').format(site.base, path, current, name)
    return links


def _contents(contents: Contents) -> Markup:
    lists = Markup("")
    for heading, things in contents:
        lines = Markup("").join(
            Markup('<li><a href="#{}" title="{}">{}</a></li>').format(
                name, summary.replace("`", ""), name.removeprefix(SCHEMA)
            )
            for name, summary in things
        )
        lists += Markup('<div><p><a href="#{}">{}</a></p><ul>{}</ul></div>').format(anchor(heading), heading, lines)
    return lists


def anchor(heading: str) -> str:
    """Where a heading is on its page; no operation, event or schema has a name like it."""
    return f"group-{heading.lower().replace(' ', '-')}"


def heading(text: str, about: str | Markup = "") -> Markup:
    told = Markup("<p>{}</p>").format(about) if about else Markup("")
    return Markup('<h2 id="{}">{}</h2>{}').format(anchor(text), text, told)


def folded(id: str, summary: Markup, body: Markup) -> Markup:
    """Something of the contents list, folded until it is asked for."""
    return Markup(
        '<details id="{}"><summary>{}</summary><a class="here" href="#{}" aria-label="Link to {}">#</a>{}</details>'
    ).format(id, summary, id, id, body)


def table(caption: str, rows: Sequence[Row], head: Sequence[str] = ()) -> Markup:
    """A table whose first column names the row, as wide as its rows; nothing where there are none."""
    if not rows:
        return Markup("")
    top = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in head)
    lines = Markup("").join(
        Markup('<tr><th scope="row"><code>{}</code></th>{}</tr>').format(
            row[0], Markup("").join(Markup("<td>{}</td>").format(marked(cell)) for cell in row[1:])
        )
        for row in rows
    )
    return Markup(
        '<div class="wide" tabindex="0"><table><caption>{}</caption>{}<tbody>{}</tbody></table></div>'
    ).format(caption, Markup("<thead><tr>{}</tr></thead>").format(top) if head else "", lines)


def code(text: str) -> Markup:
    """Lines to be copied, which scroll by themselves."""
    return Markup('<pre tabindex="0"><code>{}</code></pre>').format(text)


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def properties(caption: str, body: Schema) -> Markup:
    """The fields of an object; of anything else, what it is."""
    fields: Mapping[str, Schema] = body.get("properties", {})
    if not fields:
        return Markup("<p>{}</p>").format(kind_of(body))
    needed = body.get("required", ())
    rows = [(name, kind_of(each), "yes" if name in needed else "no", about(each)) for name, each in fields.items()]
    return table(caption, rows, ("field", "type", "required", "about"))


def kind_of(schema: Schema) -> Markup:
    """A schema in few words, with a link to what has a name."""
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return Markup('<a href="#{}{}">{}</a>').format(SCHEMA, name, name)
    if "anyOf" in schema:
        return Markup(" or ").join(kind_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return Markup("array of {}").format(kind_of(schema.get("items", {})))
    return escape(str(schema.get("type", "const" if "const" in schema else "any")))


def about(schema: Schema) -> str:
    """What is asked of a value, in words."""
    said = [schema["description"]] if "description" in schema else []
    for each in schema.get("anyOf", ()):
        said += [text for text in (about(each),) if text and text not in said]
    if "const" in schema:
        said.append(f"`{schema['const']}`")
    # A description says the lengths in its own words.
    known = ("minLength", "maxLength") if "description" in schema or schema.get("maxLength") == 0 else ()
    said += ["without a value"] if schema.get("maxLength") == 0 else []
    limits = {name: schema[name] for name in LIMITS if name not in known and schema.get(name) not in (None, "")}
    return "; ".join([*said, *(LIMITS[name].format(f"`{value}`") for name, value in limits.items())])


def marked(text: str | Markup) -> Markup:
    """`text` with what stands between backticks shown as code."""
    if isinstance(text, Markup):
        return text
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )
