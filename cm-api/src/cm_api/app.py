"""Composition root of the query API."""

from __future__ import annotations

import os
import threading

from flask import Flask

from cm_api import commands, people, receipts
from cm_api.context import Context
from cm_api.domains import rooms
from cm_api.settings import QuerySettings
from shop_core import browsers, mongo, service_token
from shop_core.cache import shared_cache
from shop_core.events import TOPICS
from shop_core.kafka.follower import Follower
from shop_core.kafka.log_ends import LogEnds
from shop_core.settings import load
from shop_core.telemetry import logs
from shop_core.web import make_app

ELSEWHERE = (
    "This is cm-api, which answers queries inside the platform: commands and clients go to cm-server, below "
    "/scalable-shop-cm-server."
)


def create_app(settings: QuerySettings | None = None) -> Flask:
    """The app of one worker, made after the fork, with a follower of Kafka of its own."""
    settings = settings or load(QuerySettings, os.environ)
    logs.configure(settings)
    db = mongo.connect(settings, "cm-api")
    follower = Follower(settings.bootstrap_servers)
    waiters = threading.BoundedSemaphore(settings.http_threads * 2)  # they step aside, so others find a turn to work
    ends = LogEnds(settings.bootstrap_servers, TOPICS)
    context = Context(db, waiters, follower.add, shared=shared_cache(settings), ends=ends)
    app = make_app("cm_api", {"mongodb": lambda: mongo.ping(db)}, elsewhere=ELSEWHERE)
    token = service_token.ServiceToken(settings)
    service_token.guard(app, token)
    if not token.accepted():
        browsers.guard(app, settings.http_allowed_hosts)
    app.register_blueprint(receipts.blueprint(context))
    app.register_blueprint(commands.blueprint(context))
    app.register_blueprint(people.blueprint(context))
    for room in rooms():
        app.register_blueprint(room.blueprint(context))
    follower.start()

    def close() -> None:
        follower.close()
        ends.close()
        db.client.close()

    app.extensions["shop_close"] = close
    return app
