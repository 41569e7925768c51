"""AsyncAPI 3.0 of the topics, made from the published language itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain
from shop_core.events.people import USER_ERASED

_TEXT = {"type": "string"}
HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time"],
    "properties": {
        "ce_id": {
            **_TEXT,
            "description": "UUIDv7; or UUIDv5 of an Idempotency-Key and whose it is, or of what a dated command says",
        },
        "ce_type": _TEXT,
        "ce_source": _TEXT,
        "ce_specversion": {"const": "1.0"},
        "ce_time": {**_TEXT, "format": "date-time", "description": "At most a day after the record's own time"},
        "ce_digest": {
            **_TEXT,
            "description": "Tells two bodies under one id apart; there where the command may be in the log twice",
        },
        "ce_copies": {
            **_TEXT,
            "description": "This record stands in every partition of its topic, of which there were so many. Each copy "
            "holds for what its own partition told before it",
        },
        "ce_redriven": {**_TEXT, "description": "Sent again from the dead letters: the receipt that was refused"},
        "ce_traceparent": {
            **_TEXT,
            "description": "W3C trace context: that of the request, or one that began with it; of whoever sends to "
            "the topic past cm-server, what they say",
        },
        "ce_tracestate": {**_TEXT, "description": "Of the same trace, where the request had it"},
        "ce_requestid": {**_TEXT, "description": "X-Request-Id of the request, where it is not the trace's id"},
    },
}
DLQ_HEADERS = ("dlq_reason", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_time")


SERVERS = {
    "kafka": {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "What cm-server has as KAFKA_BOOTSTRAP_SERVERS; by default where `make run` starts one",
        "variables": {"bootstrap": {"default": "localhost:9092"}},
    }
}
BINDING = {"bindingVersion": "0.5.0"}


def document() -> dict[str, Any]:
    """Channels: each domain's topic and its DLQ; messages: each event type."""
    channels: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for domain in DOMAINS.values():
        for events in (domain.events, *domain.derived.values()):
            messages |= {type_: _message(type_, struct, domain) for type_, struct in events.items()}
        channels |= _channels(domain)
        for action, name in (("send", domain.topic), ("receive", domain.topic), ("send", domain.dlq)):
            operations[f"{action}-{name}"] = {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
        for topic in domain.derived:
            operations[f"send-{topic}"] = {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "scalable-shop topics",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the value is JSON.",
        },
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _channels(domain: Domain) -> dict[str, Any]:
    """The domain's own topic, that of its dead letters, and those that it tells other services in."""
    own = f"What cm-server was told; {domain.group} reads it"
    letters = f"What {domain.group} refused, as it was, with the headers {', '.join(DLQ_HEADERS)}"
    told = f"Sent by {domain.group} after its commit, at least once, for other services"
    found = {
        domain.topic: _channel(domain.topic, own, domain.events, domain.topic_config),
        domain.dlq: _channel(domain.dlq, letters, domain.events),
    }
    return found | {topic: _channel(topic, told, events) for topic, events in domain.derived.items()}


def _channel(topic: str, about: str, types: Iterable[str], config: Mapping[str, str] | None = None) -> dict[str, Any]:
    kafka: dict[str, Any] = {"topic": topic, **BINDING}
    if config:
        kafka["topicConfiguration"] = {name: int(value) for name, value in config.items()}
    messages = {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in types}
    return {"address": topic, "description": about, "messages": messages, "bindings": {"kafka": kafka}}


def _message(type_: str, struct: type[Any], domain: Domain) -> dict[str, Any]:
    schema = msgspec.json.schema(struct)
    payload = schema["$defs"][struct.__name__] if "$defs" in schema else schema
    summary = (inspect.getdoc(struct) or "").partition("\n")[0]
    keyed_by = "userid" if type_ == USER_ERASED else domain.keyed_by
    key = {"type": "string", "description": f"The `{keyed_by}`: records of one key keep their order"}
    return {
        "name": type_,
        "title": struct.__name__,
        "summary": summary,
        "correlationId": {"location": "$message.header#/ce_id", "description": "The same in its answer by HTTP"},
        "headers": HEADERS,
        "payload": payload,
        "bindings": {"kafka": {"key": key, **BINDING}},
    }
