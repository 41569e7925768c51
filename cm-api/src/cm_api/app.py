"""Composition root of the query API."""

from __future__ import annotations

import os
import threading

from flask import Flask

from cm_api.http import receipts
from cm_api.http.context import Context
from cm_api.http.freshness import Freshness, tell
from cm_api.http.shared_cache import shared_cache
from cm_api.pipeline import known_commands, privacy
from cm_api.registry import read_models
from cm_api.settings import QuerySettings
from shop_core.config.settings import load
from shop_core.events import TOPICS
from shop_core.http import service_token
from shop_core.http.app import make_app
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.end_offsets import LogEnds
from shop_core.kafka.topic_follower import Follower
from shop_core.mongo import client
from shop_core.telemetry import logs

ELSEWHERE = (
    "This is cm-api, which answers queries inside the platform: commands and clients go to cm-server, below "
    "/scalable-shop-cm-server."
)


def create_app(settings: QuerySettings | None = None) -> Flask:
    """The app of one worker, made after the fork, with a follower of Kafka of its own."""
    settings = settings or load(QuerySettings, os.environ)
    logs.configure(settings)
    db = client.connect(settings, "cm-api")
    kafka = KafkaConnection.of(settings)
    follower = Follower(kafka)
    waiters = threading.BoundedSemaphore(settings.http_threads * 2)  # they step aside, so others find a turn to work
    ends = LogEnds(kafka, TOPICS)
    context = Context(db, waiters, follower.add, shared=shared_cache(settings), ends=ends)
    app = make_app("cm_api", {"mongodb": lambda: client.ping(db)}, elsewhere=ELSEWHERE)
    service_token.guard_inside(app, settings)
    app.register_blueprint(receipts.blueprint(context))
    app.register_blueprint(known_commands.blueprint(context))
    freshness = Freshness(ends, context.stored, list(TOPICS))
    exports = privacy.blueprint(context)
    tell(exports, freshness, list(TOPICS))
    app.register_blueprint(exports)
    for model in read_models():
        routes = model.blueprint(context)
        tell(routes, freshness, [model.domain.topic])
        app.register_blueprint(routes)
    follower.start()

    def close() -> None:
        follower.close()
        freshness.close()
        ends.close()
        db.client.close()

    app.extensions["shop_close"] = close
    return app
