"""Composition root of cm-server: what is made once a worker, and how it is wired."""

from __future__ import annotations

import logging
import os
from importlib import import_module

from flask import Flask

from cm_server import callers, docs, receipts, ui
from cm_server.context import PREFIX, Context
from cm_server.openapi import document, operations
from cm_server.queries import QueryClient
from cm_server.settings import ServerSettings
from shop_core.events import DOMAINS
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.service_token import ServiceToken
from shop_core.settings import load
from shop_core.telemetry import logs
from shop_core.web import make_app

log = logging.getLogger(__name__)


def create_app(settings: ServerSettings | None = None) -> Flask:
    """The app of one worker, made after the fork, with a Kafka client of its own."""
    settings = settings or load(ServerSettings, os.environ)
    logs.configure(settings)
    if settings.auth_mode == "none":
        log.warning("callers_not_asked", extra={"AUTH_MODE": "none"})
    publisher = KafkaPublisher(
        settings.bootstrap_servers,
        ack_timeout=settings.ack_timeout,
        max_in_flight=settings.max_in_flight,
        waiting=max(1, settings.http_threads // 2),
        client=settings.kafka_client,
    )
    queries = QueryClient(settings.cm_api_url, settings.http_threads, ServiceToken(settings).headers)
    app = build(Context(publisher, queries), settings)
    app.extensions["shop_close"] = publisher.close
    return app


def build(context: Context, settings: ServerSettings) -> Flask:
    """The routes over `context`; tests give it fakes."""
    checks = {"kafka": context.publisher.check, "cm-api": context.queries.check}
    app = make_app("cm_server", checks, prefixes=("", PREFIX))
    callers.install(app, callers.authenticators(settings), {(o.method, o.path): o.access for o in operations()})
    app.register_blueprint(receipts.blueprint(context))
    for name in DOMAINS:
        app.register_blueprint(import_module(f"cm_server.{name}").blueprint(context))
    app.register_blueprint(ui.blueprint(settings.docs_path if settings.docs_active else None), url_prefix=PREFIX)
    if settings.docs_active:
        app.register_blueprint(docs.blueprint(settings.docs_path, document(secured=settings.auth_mode != "none")))
    return app
