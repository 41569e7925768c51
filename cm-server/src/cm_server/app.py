"""Composition root of cm-server: what is made once a worker, and how it is wired."""

from __future__ import annotations

import logging
import os
from importlib import import_module

from flask import Flask, redirect

from cm_server import shared_caching
from cm_server.api_docs import routes
from cm_server.api_docs.openapi import document, operations
from cm_server.commands import command, content_encoding, prefer
from cm_server.context import PREFIX, Context
from cm_server.domains import dead_letters, ops, privacy, receipts, traces
from cm_server.idempotency_keys import KeyUsed
from cm_server.query_proxy.circuit_breaker import CircuitOpen
from cm_server.query_proxy.client import QueryClient, not_asked
from cm_server.query_proxy.ops_client import OpsAway, OpsClient, away
from cm_server.rate_limit import limiter
from cm_server.rate_limit import settings as limit_settings
from cm_server.rate_limit.trusted_proxies import TrustedProxies
from cm_server.security import authentication
from cm_server.settings import ServerSettings
from cm_server.ui import Pages
from shop_core.config import reloading
from shop_core.config.settings import load, redis_address
from shop_core.events import DOMAINS
from shop_core.http import browsers
from shop_core.http.app import aside, make_app
from shop_core.http.problems import ERROR_PAGE
from shop_core.http.service_token import ServiceToken
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.producers import choose
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.telemetry import logs

log = logging.getLogger(__name__)


def create_app(settings: ServerSettings | None = None) -> Flask:
    """The app of one worker, made after the fork, with a Kafka client of its own."""
    settings = settings or load(ServerSettings, os.environ)
    logs.configure(settings)
    if settings.auth_mode == "none":
        log.warning("auth_disabled", extra={"AUTH_MODE": "none"})
    if settings.limits and not (settings.limits_url or settings.limits_url_file):
        log.warning("limits_by_worker", extra={"LIMITS_URL": "", "workers": settings.http_workers})
    client = choose(settings.kafka_client)
    log.info("kafka_client", extra={"KAFKA_CLIENT": client})
    publisher = KafkaPublisher(
        KafkaConnection.of(settings),
        ack_timeout=settings.ack_timeout,
        max_in_flight=settings.max_in_flight,
        waiting=max(1, settings.http_threads // 2),
        client=client,
        aside=aside,
    )
    token = ServiceToken(settings).headers
    queries = QueryClient(settings.cm_api_url, settings.http_threads, token)
    asked = OpsClient(settings.cm_ops_url, settings.http_threads, token) if settings.cm_ops_url else None
    app = build(Context(publisher, queries, deduplicate=settings.deduplicate, ops=asked), settings)
    app.extensions["shop_close"] = publisher.close
    return app


def build(context: Context, settings: ServerSettings) -> Flask:
    """The routes over `context`; tests give it fakes."""
    checks = {"kafka": context.publisher.check, "cm-api": context.queries.check}
    circuits = {"cm-api": lambda: context.queries.circuit.state}
    app = make_app("cm_server", checks, prefixes=("", PREFIX), circuits=circuits)
    table = {(operation.method, operation.path): operation.access for operation in operations()}
    authentication.install(app, authentication.authenticators(settings), table)
    if settings.auth_mode == "none":
        browsers.guard(app, settings.http_allowed_hosts)
        if settings.catalog_max_age:
            shared_caching.install(app, settings.catalog_max_age, settings.catalog_stale)
    if settings.limits:
        limiter.install(app, limiter_of(settings), table)
    content_encoding.install(app)
    prefer.install(app)
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]
            app.wsgi_app, settings.trusted_proxies, settings.trusted_proxy_networks
        )
    app.add_url_rule("/", "root", lambda: redirect(f"{PREFIX}/"))
    app.register_error_handler(KeyUsed, command.key_used)
    app.register_error_handler(CircuitOpen, not_asked)
    app.register_error_handler(OpsAway, away)
    app.register_blueprint(receipts.blueprint(context))
    app.register_blueprint(privacy.blueprint(context))
    app.register_blueprint(ops.blueprint(context))
    app.register_blueprint(dead_letters.blueprint(context))
    app.register_blueprint(traces.blueprint(context))
    for name in DOMAINS:
        app.register_blueprint(import_module(f"cm_server.domains.{name}").blueprint(context))
    pages = Pages(PREFIX, settings.docs_path if settings.docs_active else None)
    app.extensions[ERROR_PAGE] = pages.error
    app.register_blueprint(pages.blueprint())
    if settings.docs_active:
        described = document(secured=settings.auth_mode != "none", limited=bool(settings.limits))
        app.register_blueprint(routes.blueprint(settings.docs_path, described, pages.version))
    return app


def limiter_of(settings: ServerSettings) -> limiter.Limiter:
    """Counting in the shared store where there is one."""
    url = reloading.read_secret(settings.limits_url_file, settings.limits_url, redis_address)
    shared = import_module("cm_server.rate_limit.redis_store").SharedStore(url) if url else None
    return limiter.Limiter(limit_settings.parse(settings.limits), shared)
