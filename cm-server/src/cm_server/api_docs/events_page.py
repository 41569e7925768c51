"""The page of topics and events, made once from the AsyncAPI document: for services that read the log themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cm_server.api_docs import html
from cm_server.api_docs.examples import from_schema, name_of

TITLE = "Events"


def page(asyncapi: Mapping[str, Any], site: html.Site) -> str:
    """The whole page."""
    channels, messages = asyncapi["channels"], asyncapi["components"]["messages"]
    topics = [(name, each["description"]) for name, each in channels.items()]
    events = [(name, each["summary"]) for name, each in messages.items()]
    contents = [("Broker", []), ("Headers", []), ("Topics", topics), ("Events", events)]
    main = (
        html.heading("Broker") + _servers(asyncapi["servers"])
        + html.heading("Headers", asyncapi["info"]["description"]) + _headers(messages)
        + html.heading("Topics") + Markup("").join(topic(name, each) for name, each in channels.items())
        + html.heading("Events") + Markup("").join(event(name, each) for name, each in messages.items())
    )  # fmt: skip
    lead = Markup(
        '<p class="lead">What stands in Kafka, for services that read it themselves.</p>'
        '<p>For programs: <a href="{}asyncapi.json">asyncapi.json</a>.</p>'
    ).format(site.base)
    return html.frame(site, TITLE, lead, contents, main)


def _servers(servers: Mapping[str, Any]) -> Markup:
    rows = [
        (name, each["variables"]["bootstrap"]["default"], each["protocol"], each["description"])
        for name, each in servers.items()
    ]
    return html.table("Where Kafka is", rows, ("name", "host", "protocol", "about"))


def _headers(messages: Mapping[str, Any]) -> Markup:
    """The same for every event."""
    return html.properties("CloudEvents attributes, as headers", next(iter(messages.values()))["headers"])


def topic(name: str, channel: Mapping[str, Any]) -> Markup:
    types = [name_of(ref["$ref"]) for ref in channel["messages"].values()]
    config = channel["bindings"]["kafka"].get("topicConfiguration", {})
    parts = (
        html.table("Settings", [(setting, str(value)) for setting, value in config.items()]),
        html.table("Events", [(each, Markup('<a href="#{}">{}</a>').format(each, "its fields")) for each in types]),
    )
    summary = Markup("<code>{}</code> <span>{}</span>").format(name, html.marked(channel["description"]))
    return html.folded(name, summary, Markup("").join(parts))


def event(name: str, message: Mapping[str, Any]) -> Markup:
    """One event type: its key, its fields and a value as it may be."""
    payload = message["payload"]
    parts = (
        Markup("<p>Key: {}.</p>").format(html.marked(message["bindings"]["kafka"]["key"]["description"])),
        html.properties("Fields of the value", payload),
        html.code(html.as_json(from_schema(payload, {}))),
    )
    summary = Markup("<code>{}</code> <span>{}</span>").format(name, html.marked(message["summary"]))
    return html.folded(name, summary, Markup("").join(parts))
