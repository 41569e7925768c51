"""Composition root of cm-server: what is made once a worker, and how it is wired."""

from __future__ import annotations

import os
from importlib import import_module

from flask import Flask

from cm_server import docs, receipts, ui
from cm_server.context import PREFIX, Context
from cm_server.queries import QueryClient
from cm_server.settings import ServerSettings
from shop_core.events import DOMAINS
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.settings import load
from shop_core.telemetry import logs
from shop_core.web import make_app


def create_app(settings: ServerSettings | None = None) -> Flask:
    """The app of one worker, made after the fork, with a Kafka client of its own."""
    settings = settings or load(ServerSettings, os.environ)
    logs.configure(settings)
    publisher = KafkaPublisher(
        settings.bootstrap_servers,
        ack_timeout=settings.ack_timeout,
        max_in_flight=settings.max_in_flight,
        waiting=max(1, settings.http_threads // 2),
        client=settings.kafka_client,
    )
    app = build(Context(publisher, QueryClient(settings.cm_api_url, settings.http_threads)), settings)
    app.extensions["shop_close"] = publisher.close
    return app


def build(context: Context, settings: ServerSettings) -> Flask:
    """The routes over `context`; tests give it fakes."""
    checks = {"kafka": context.publisher.check, "cm-api": context.queries.check}
    app = make_app("cm_server", checks, prefixes=("", PREFIX))
    app.register_blueprint(receipts.blueprint(context))
    for name in DOMAINS:
        app.register_blueprint(import_module(f"cm_server.{name}").blueprint(context))
    app.register_blueprint(ui.blueprint(settings.docs_path if settings.docs_active else None), url_prefix=PREFIX)
    if settings.docs_active:
        app.register_blueprint(docs.blueprint(settings.docs_path))
    return app
