"""Writes the pages of docs/reference that the code knows already: the command line, HTTP operations, problems, events,
custom resources. A test fails where a page is stale; run this, and settings_table.py for the settings.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from cm_server.api_docs.openapi import operations
from cm_server.context import PREFIX
from cm_server.operations import Operation
from shop_core.events import DOMAINS
from shop_core.events.asyncapi import HEADERS
from shop_core.http.problem_types import PLACE, TYPES
from shopctl.arguments import build_parser

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
CRDS = ROOT / "charts" / "shop-operator" / "crds"
NOTE = "<!-- made by scripts/reference.py from {source} -->"
CLI = """\
`shopctl COMMAND --help` prints the same. Exit codes: 0 success; 1 an expected error, in one sentence; 2 wrong usage
or impossible; 3 a negative result (`status`: not running, `redrive`: rejected again, `verify` and `rebuild`: a
difference or fault); 4 Kafka, MongoDB or the shop unavailable; 130 interrupted.
"""
HTTP_API = f"""\
Paths begin with `{PREFIX}`. A running service has bodies and headers too, as OpenAPI 3.1
(`/openapi.json`) and as a page (`/docs`). Authentication adds 401 and 403, limits add 429;
[problems](problems.md) explains each status. The name is the `operationId`, which a generated client calls the
operation by.
"""
EVENTS = """\
CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is JSON. A running service has the same as
AsyncAPI 3.0 (`/asyncapi.json`), the repository as JSON Schema (`schemas/`). Each topic's dead letters are in
`<topic>.dlq`.
"""
PROBLEMS = f"""\
Every error answer is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `requestId`; where
they apply `field` and `errors` (each faulty field with its `detail`, at most 50), `receipt` and `id`. `type` is the
address of a page of the service itself, below `{PLACE}`; two answers of one status differ
in `detail`, never in `type`. A browser that asks for an address that is not there gets a page. More on
[input formats](input.md) (422), on [412](../decisions/0003-after-answers-412.md) and on the [log](log-events.md).
"""
REJECTED_LATER = """
A command that the consumer rejects later has the same statuses in its receipt
([why](../decisions/0041-rejection-statuses.md)).
"""
CUSTOM_RESOURCES = """\
`kubectl explain shop.spec` and `kubectl explain shopconsumer.spec` print the same. `[]` is an item of a list, `*` any
key. [The operator](operator.md) lists columns, conditions and Events.
"""


def pages() -> dict[Path, str]:
    """Every page as it should be, by its file."""
    made = {
        "cli.md": ("Command line", "the parsers of shopctl", CLI, cli()),
        "http-api.md": ("HTTP API", "cm-server's operations", HTTP_API, http_api()),
        "problems.md": ("Problems", "shop_core.http.problem_types", PROBLEMS, problems()),
        "events.md": ("Events and topics", "shop_core.events", EVENTS, events()),
        "custom-resources.md": ("Custom resources", "charts/shop-operator/crds", CUSTOM_RESOURCES, custom_resources()),
    }
    return {
        REFERENCE / name: "\n".join([f"# {title}", NOTE.format(source=source), about, *lines]) + "\n"
        for name, (title, source, about, lines) in made.items()
    }


def cli() -> Iterator[str]:
    """Each command with its arguments, and its subcommands after it."""
    for parser, about in _parsers(build_parser(), ""):
        rows = [row for action in parser._actions if (row := _argument(action))]
        yield f"## {parser.prog}\n{_sentence(parser.description or about)}\n"
        if rows:
            yield _table(("argument", "meaning"), rows)


def _parsers(parser: argparse.ArgumentParser, about: str) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield parser, about
    for group in below:
        helps = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, child in group.choices.items():
            yield from _parsers(child, helps.get(name, ""))


def _argument(action: argparse.Action) -> tuple[str, str] | None:
    if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
        return None
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None:
        name = "|".join(str(choice) for choice in action.choices)
    if action.option_strings:
        shown = ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {name}")
    else:
        shown = f"[{name}]" if action.nargs in ("?", "*") else name
    return f"`{shown}`", (action.help or "").replace("%%", "%") + (" (required)" if _required(action) else "")


def _required(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.required


def http_api() -> Iterator[str]:
    """One row an operation; bodies and headers are in the OpenAPI document."""
    described = operations()
    yield _table(("operation", "name", "what it does", "answers", "problems"), (_operation(each) for each in described))
    parameters = {p.name: p.about for each in described for p in each.parameters if p.where != "path"}
    yield "## Parameters and headers\n"
    yield _table(("name", "meaning"), ((f"`{name}`", about) for name, about in sorted(parameters.items())))


def _operation(operation: Operation) -> tuple[str, ...]:
    return (
        f"`{operation.method.upper()} {operation.path}`",
        f"`{operation.id}`",
        operation.summary,
        ", ".join(str(status) for status in operation.answers),
        ", ".join(str(status) for status in sorted(operation.problems)),
    )


def problems() -> Iterator[str]:
    """A row a status; a running service shows the same below its `/problems`."""
    kinds = ((str(status), f"`{kind.name}`", kind.when, kind.remedy) for status, kind in TYPES.items())
    yield _table(("status", "`type` ends with", "when", "what the client does"), kinds).rstrip()
    yield REJECTED_LATER.rstrip()


def events() -> Iterator[str]:
    """Each topic with its event types and their fields."""
    yield "## Headers\n"
    required, described = HEADERS["required"], cast(dict[str, Any], HEADERS["properties"])
    yield _table(
        ("header", "required", "meaning"),
        (
            (f"`{name}`", "yes" if name in required else "no", schema.get("description") or schema.get("const", "–"))
            for name, schema in described.items()
        ),
    )
    for domain in DOMAINS.values():
        yield f"## {domain.topic}\nConsumer group `{domain.group}`.\n"
        for type_, struct in domain.events.items():
            yield from _event(type_, struct)
        for topic, derived in domain.derived.items():
            yield f"## {topic}\n`{domain.group}` writes it after its commit, at least once, for other services.\n"
            for type_, struct in derived.items():
                yield from _event(type_, struct)


def _event(type_: str, struct: type[Any]) -> Iterator[str]:
    schema = msgspec.json.schema(struct)["$defs"][struct.__name__]
    yield f"### {type_}\n{(inspect.getdoc(struct) or '').partition(chr(10))[0]}\n"
    required = schema.get("required", ())
    yield _table(
        ("field", "required", "value"),
        ((f"`{name}`", "yes" if name in required else "no", _value(of)) for name, of in schema["properties"].items()),
    )


def _value(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_value(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind = str(schema.get("type", "object"))
    return f"{kind}: {schema['description']}" if "description" in schema else kind


def custom_resources() -> Iterator[str]:
    """The fields of each kind, as `kubectl explain` tells them."""
    for file in sorted(CRDS.glob("*.yaml"), reverse=True):
        definition = yaml.safe_load(file.read_text())["spec"]
        newest = definition["versions"][-1]
        schema = newest["schema"]["openAPIV3Schema"]
        yield f"## {definition['names']['kind']}\n{schema['description']} API versions: " + ", ".join(
            f"`{definition['group']}/{version['name']}`" for version in definition["versions"] if version["served"]
        )
        for part in ("spec", "status"):
            yield f"\n### {definition['names']['kind']}.{part}\n"
            yield _table(("field", "type", "default", "meaning"), _fields(schema["properties"][part], ""))


def _fields(schema: dict[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    """A row a field that is described or stands at the top; what Kubernetes itself explains is not repeated."""
    below = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        below["*"] = schema["additionalProperties"]
    for name, of in below.items():
        here = f"{above}.{name}".lstrip(".")
        if "description" in of or not above:
            kind = str(of.get("type", "integer or string")) + (
                ", required" if name in schema.get("required", ()) else ""
            )
            default = f"`{msgspec.json.encode(of['default']).decode()}`" if "default" in of else "–"
            yield f"`{here}`", kind, default, of.get("description", "–")
        yield from _fields(of, here)
        if isinstance(of.get("items"), dict):
            yield from _fields(of["items"], f"{here}[]")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


if __name__ == "__main__":
    for file, page in pages().items():
        file.write_text(page)
        sys.stdout.write(f"{file.relative_to(ROOT)} is fresh\n")
